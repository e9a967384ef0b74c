// node train.mjs COMPILED OPTIONS: pretrains, or distils where the options name a teacher; tells of every step that is
// saved, and how it ended. COMPILED is a folder with the compiled sources. With killAtStep it kills itself after that step.
const [compiled, json] = process.argv.slice(2);
const { killAtStep, ...options } = JSON.parse(json);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const observer = {
  estimate() {},
  step: ({ step }) => step === killAtStep && process.kill(process.pid, "SIGKILL"),
  evaluation() {},
  saved: (step) => say({ saved: step }),
};
try {
  const { pretrain } = await import(`${compiled}/training/pretrain/pretrain.js`);
  const { distill } = await import(`${compiled}/training/distill/distill.js`);
  const train = options.teacher === undefined ? pretrain : distill;
  const result = await train({ ...options, observer, onTeacher() {}, signal: stop.signal });
  say({ result });
} catch ({ name, message, exitStatus }) {
  say({ error: { name, message, exitStatus } });
}
