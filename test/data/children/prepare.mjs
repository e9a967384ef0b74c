// node prepare.mjs PREPARE_JS OPTIONS_JSON: prepares, and prints the peak of its memory in bytes, or its error.
const [prepareModule, options] = process.argv.slice(2);
const { prepare } = await import(prepareModule);
try {
  await prepare({ ...JSON.parse(options), onProgress: () => process.stdout.write(".") });
  process.stdout.write(`\n${JSON.stringify({ memoryBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
} catch (error) {
  const { name, message, exitStatus } = error;
  process.stdout.write(`\n${JSON.stringify({ error: { name, message, exitStatus } })}\n`);
}
