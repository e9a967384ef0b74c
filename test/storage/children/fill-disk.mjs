// In the run directory argv[3], saves a small checkpoint and one that does not fit, then metrics until they do not fit
// either; prints what happened as JSON. argv[2] is the compiled run.js.
import { readdirSync, readFileSync } from "node:fs";

const [, , runModule, directory] = process.argv;
const { createRun, openRun } = await import(runModule);

function contentOf(step, bytes) {
  const tensor = { dtype: "uint8", shape: [bytes], bytes: new Uint8Array(bytes).fill(step) };
  return { model: [["w", tensor]], optimizer: [["m", tensor]], state: { step, metricsBytes: 1021 } };
}

function errorOf(act) {
  try {
    act();
  } catch ({ name, message, exitStatus }) {
    return { name, message, exitStatus };
  }
  return null;
}

let run = createRun(directory, { name: "full" });
run.saveCheckpoint(1, contentOf(1, 10_000));
const checkpointError = errorOf(() => run.saveCheckpoint(2, contentOf(2, 3_000_000)));
let metrics = run.openMetrics(0);
const metricsError = errorOf(() => {
  for (let step = 1; step < 10_000; step += 1) metrics.append({ step, note: "x".repeat(1000) });
});
run.close();
const left = readdirSync(`${directory}/checkpoints`);
run = openRun(directory);
const latest = run.latestCheckpoint();
const first = latest.model.read("w")[0];
metrics = run.openMetrics(latest.state.metricsBytes);
const metricsLeft = readFileSync(metrics.path, "utf8").length;
process.stdout.write(JSON.stringify({ checkpointError, metricsError, left, step: latest.step, first, metricsLeft }));
