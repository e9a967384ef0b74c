// Prints the milliseconds that loading the int8 file of a folder takes: load.mjs ours|theirs FOLDER THREADS
const [who, folder, threads] = process.argv.slice(2);
if (who === "ours") {
  const { openModel } = await import("../../dist/infer/node.js");
  const startMs = performance.now();
  await openModel(folder, { dtype: "int8", threads: Number(threads) });
  console.log(performance.now() - startMs);
} else {
  const { theirs } = await import("./contestants.mjs");
  const startMs = performance.now();
  await theirs("", folder, { dtype: "q8", threads: Number(threads) });
  console.log(performance.now() - startMs);
}
process.exit(0);
