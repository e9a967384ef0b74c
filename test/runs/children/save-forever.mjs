// Resumes the run in argv[3] and saves checkpoint after checkpoint until it is killed. argv[2] is the compiled run.js.
const [, , runModule, directory] = process.argv;
const { createRun, isRun, openRun } = await import(runModule);

const BYTES = 2_000_000;
const run = isRun(directory) ? openRun(directory) : createRun(directory, { name: "killed" });
const latest = run.latestCheckpoint();
const metrics = run.openMetrics(latest?.state.metricsBytes ?? 0);
for (let step = (latest?.step ?? 0) + 1; ; step += 1) {
  metrics.append({ step, loss: 1 / step });
  const tensor = { dtype: "uint8", shape: [BYTES], bytes: new Uint8Array(BYTES).fill(step) };
  const state = { step, metricsBytes: metrics.bytes };
  run.saveCheckpoint(step, { model: [["w", tensor]], optimizer: [["m", tensor]], state });
  process.stdout.write(`saved ${step}\n`);
}
