import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** The compiled command line: set-up builds it before the tests. */
export const CLI = join(ROOT, "dist/cli/main.js");

/** Whoever compiles by hand removes the stamp, and looks after dist/ himself. */
function refuseStaleDist(): void {
  const stamp = join(ROOT, "build/typescript.stamp");
  if (!existsSync(CLI)) throw new Error("dist/ is not there: npm run setup");
  if (!existsSync(stamp)) return;
  const key = execFileSync(process.execPath, [join(ROOT, "scripts/dist-key.mjs")], { encoding: "utf8" });
  if (readFileSync(stamp, "utf8") !== key) throw new Error("dist/ is older than src/: npm run setup");
}

refuseStaleDist();

/** How a command ended. */
export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
  readonly input?: string;
  /** Whether there may be more input: it does not end. */
  readonly staysOpen?: boolean;
  /** Put before node: a shell that limits something, or a terminal. */
  readonly wrap?: (command: string[]) => string[];
  /** Told of the process when it has started. */
  readonly onStart?: (child: ChildProcess) => void;
  /** Told of the process and of all its standard error so far, whenever there is more. */
  readonly onStderr?: (child: ChildProcess, stderr: string) => void;
}

/** Runs `limbeck ARGS` in a process of its own: one thread, no network. */
export function limbeck(args: readonly string[], options: Options = {}): Promise<Outcome> {
  const { cwd, input = "", staysOpen = false, wrap = (command) => command } = options;
  const [file = "", ...rest] = wrap([process.execPath, CLI, ...args]);
  const env = { ...process.env, LIMBECK_THREADS: "1", HF_HUB_OFFLINE: "1", NO_COLOR: "1", ...options.env };
  return new Promise((done, fail) => {
    const child = spawn(file, rest, { cwd, env });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      output.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output.stderr += chunk;
      options.onStderr?.(child, output.stderr);
    });
    child.stdin.on("error", () => {}); // It need not read what it is given.
    if (staysOpen) child.stdin.write(input);
    else child.stdin.end(input);
    options.onStart?.(child);
    child.on("error", fail);
    child.on("close", (status, signal) => done({ status, signal, ...output }));
  });
}

/** The result on standard output, of a command that must succeed. */
export async function limbeckJson<T>(args: readonly string[], options: Options = {}): Promise<T> {
  const { status, stdout, stderr } = await limbeck([...args, "--json", "--quiet"], options);
  if (status !== 0 || stderr !== "") throw new Error(`limbeck ${args.join(" ")}: status ${status}: ${stderr}`);
  return JSON.parse(stdout) as T;
}
