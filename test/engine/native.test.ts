import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { engineRecord, native } from "../../src/engine/native.js";
import { engineInfo, setThreads } from "../../src/engine/tensor/device.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("native.gen.ts says what the addon says", () => {
  const check = () => execFileSync(process.execPath, ["scripts/generate-native-types.mjs", "--check"], { cwd: root });
  expect(check).not.toThrow();
});

/** What a fresh process says after it ran `code`. */
function inProcess(code: string, env: Record<string, string> = {}): string {
  const script = `import { readFileSync } from "node:fs"; const isOpen = () => /libtorch|onnxruntime/.test(readFileSync("/proc/self/maps", "utf8")); ${code}`;
  const options = { cwd: root, env: { ...process.env, ...env }, encoding: "utf8", stdio: "pipe" } as const;
  return execFileSync(process.execPath, ["--input-type=module", "-e", script], options).trim();
}

test("importing the library opens no engine and changes nothing of the process; the first tensor opens it", () => {
  const said = inProcess(`
    const stateOf = () => JSON.stringify([process.env, process.eventNames(), console.debug.toString()]);
    const before = stateOf();
    const { zeros } = await import("./dist/index.js");
    console.log(isOpen(), stateOf() === before);
    zeros([1]);
    console.log(isOpen());
  `);
  expect(said).toBe("false true\ntrue");
});

describe("LIMBECK_KERNELS", () => {
  const ask =
    'const { kernels } = await import("./dist/engine/tensor/device.js"); console.log(kernels(), process.env.ONEDNN_MAX_CPU_ISA)';

  test("lowers our kernels and libtorch's", () => {
    expect(inProcess(ask, { LIMBECK_KERNELS: "composed" })).toBe("composed SSE41");
    const lowest = 'const { engineInfo } = await import("./dist/index.js"); console.log(engineInfo().cpuCapability)';
    expect(inProcess(lowest, { LIMBECK_KERNELS: "composed" })).toMatch(/^(NO AVX|default)$/i);
  });

  test("leaves what the user told oneDNN", () => {
    expect(inProcess(ask, { LIMBECK_KERNELS: "composed", ONEDNN_MAX_CPU_ISA: "AVX" })).toBe("composed AVX");
  });

  test("refuses what is none", () => {
    const refused = `import("./dist/engine/tensor/device.js").then(({ kernels }) => kernels()).catch((error) => console.log(error.name, error.message))`;
    expect(inProcess(refused, { LIMBECK_KERNELS: "sse9" })).toBe(
      "ConfigError LIMBECK_KERNELS: expected one of composed, avx2, avx512, avx512-bf16, amx, got sse9.",
    );
  });
});

describe("the engine", () => {
  test("is the version set-up recorded", () => {
    expect(native.torchVersion().startsWith(engineRecord().version)).toBe(true);
    expect(engineInfo().torchVersion).toBe(native.torchVersion());
  });

  test("comes with one libc10: a second would be another libtorch", () => {
    const found = engineInfo().mappedLibraries.filter((path) => /libc10\.so/.test(path));
    expect(found).toHaveLength(1);
  });

  test("computes with as many threads as it is told", () => {
    const before = engineInfo().threads;
    setThreads(before + 1);
    expect(engineInfo().threads).toBe(before + 1);
    setThreads(before);
  });

  test("is refused to a second thread, which would share its tables unguarded", async () => {
    // Of the addon itself: vitest's own loader does not reach into workers.
    const load = `try { require(${JSON.stringify(engineRecord().addon)}) } catch (error) { postMessage(error.message) }`;
    const worker = new Worker(
      `const { parentPort } = require("node:worker_threads");
      const postMessage = (message) => parentPort.postMessage(message); ${load}`,
      { eval: true },
    );
    const message = await new Promise((resolve, reject) => {
      worker
        .once("message", resolve)
        .once("error", reject)
        .once("exit", () => reject(new Error("it loaded")));
    });
    expect(message).toMatch(/^it runs on one thread/);
  });
});
