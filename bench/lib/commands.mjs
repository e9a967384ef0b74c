// Commands of node, each in a process of its own, with what it took.
import { spawn } from "node:child_process";
import { descendantsPeakBytes } from "./memory.mjs";

// bash measures its children to the millisecond; Node cannot, and /proc counts in hundredths of a second.
const timed = (errors) => `TIMEFORMAT="%R %U %S"; time "$@" 2>${errors}`;
const SAMPLE_MS = 50;

/**
 * Runs node with arguments to its end; its standard output goes nowhere.
 *
 * @param options.cwd     the folder it runs in
 * @param options.mayFail whether its exit status and its errors are of no interest
 * @returns milliseconds by the clock and of the processor, and the most memory that it held at once, seen every 50 ms
 */
export function runNode(args, { cwd, mayFail = false } = {}) {
  const bash = spawn("bash", ["-c", timed(mayFail ? "/dev/null" : "&3"), "bash", process.execPath, ...args], {
    cwd,
    stdio: ["ignore", "ignore", "pipe", "inherit"],
  });
  let times = "";
  bash.stderr.on("data", (text) => {
    times += text;
  });
  let peakBytes = 0;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, descendantsPeakBytes(bash.pid));
  }, SAMPLE_MS);
  return new Promise((resolve, reject) => {
    bash.once("close", (status) => {
      clearInterval(sampling);
      if (status !== 0 && !mayFail) reject(new Error(`node ${args.join(" ")} ended with status ${status}: see above`));
      const [wall, user, system] = times.trim().split(" ").map(Number);
      resolve({ ms: 1000 * wall, processorMs: 1000 * (user + system), peakBytes });
    });
  });
}
