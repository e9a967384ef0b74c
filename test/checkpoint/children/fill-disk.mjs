// Saves a small checkpoint and then one that does not fit, in the run directory argv[3]; prints what happened as JSON.
// argv[2] is the compiled run.js.
import { readdirSync } from "node:fs";

const [, , runModule, directory] = process.argv;
const { createRun, openRun } = await import(runModule);

function contentOf(step, bytes) {
  const tensor = { dtype: "uint8", shape: [bytes], bytes: new Uint8Array(bytes).fill(step) };
  return { model: [["w", tensor]], optimizer: [["m", tensor]], state: { step } };
}

let run = createRun(directory, { name: "full" });
run.saveCheckpoint(1, contentOf(1, 10_000));
let error = null;
try {
  run.saveCheckpoint(2, contentOf(2, 3_000_000));
} catch (thrown) {
  error = { name: thrown.name, message: thrown.message, exitStatus: thrown.exitStatus };
}
run.close();
const left = readdirSync(`${directory}/checkpoints`);
run = openRun(directory);
const latest = run.latestCheckpoint();
const { step } = latest;
const first = latest.model.read("w")[0];
process.stdout.write(JSON.stringify({ error, left, step, first }));
