// Python's side of the benches: which Python has the rivals, and a process of it that answers requests.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { peakBytes } from "./memory.mjs";

const OWN = fileURLToPath(new URL("../../build/references/bin/python", import.meta.url));
const ADVICE = 'run "npm run bench:rivals", or name a Python that has them in LIMBECK_PYTHON';

/**
 * The Python that has the rivals: LIMBECK_PYTHON, or the one that scripts/setup-references.sh makes.
 *
 * @param packages that it must have
 * @returns `{ python }`, or `{ missing }`: in words, why there is none and what to do
 */
export function rivalPython(packages = ["torch"]) {
  const python = process.env.LIMBECK_PYTHON ?? OWN;
  if (process.env.LIMBECK_PYTHON === undefined && !existsSync(OWN))
    return { missing: `no Python with rivals: ${ADVICE}` };
  const absent = absentFrom(python, packages);
  if (absent === null) return { missing: `${python} does not run: ${ADVICE}` };
  if (absent.length > 0) return { missing: `${python} has no ${absent.join(", ")}: ${ADVICE}` };
  return { python };
}

/** Those of the packages that a Python cannot import; null where it does not run. They are found, not imported: that takes seconds. */
function absentFrom(python, packages) {
  const code =
    "import sys; from importlib.util import find_spec; print(*[n for n in sys.argv[1:] if find_spec(n) is None])";
  try {
    const absent = execFileSync(python, ["-c", code, ...packages], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return absent.split(/\s+/).filter((name) => name !== "");
  } catch {
    return null;
  }
}

/** A Python script that reads a JSON document a line and answers each with one; its own messages go to standard error. */
export class RivalProcess {
  #child;
  #answers;
  #script;

  /**
   * @param python from rivalPython()
   * @param script a file beside the bench, as a URL
   * @param options.args what the script is given
   * @param options.env  variables beside this process's own: threads, allocator
   */
  constructor(python, script, { args = [], env = {} } = {}) {
    this.#script = fileURLToPath(script);
    this.#child = spawn(python, [this.#script, ...args.map(String)], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    this.#child.stdin.on("error", () => {}); // It has ended: the answer that does not come says so.
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** One request and its answer. */
  async ask(request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value } = await this.#answers.next();
    if (value === undefined) throw new Error(`${this.#script} has ended before its answer: see above`);
    return JSON.parse(value);
  }

  /** The most memory that it has held so far. */
  peakBytes() {
    return peakBytes(this.#child.pid);
  }

  /** Ends it, and waits until its memory and its cores are free. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    await ended;
  }
}
