import { existsSync, readFileSync, statfsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { EngineInfo } from "../../engine/tensor/device.js";
import type { DType } from "../../engine/tensor/dtype.js";
import { LimbeckError } from "../../errors.js";
import { EMBEDDED_TEACHER } from "../../hub/embedded-teacher.js";
import { physicalCores, useThreads } from "../../processor.js";
import { oneLine } from "../../storage/json-file.js";
import { printResult } from "../display/output.js";

export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("say what was found on this machine, and what to fix")
    .description(
      "Says which engine, devices, threads and precision training would use, and what to fix. Exit status 0 when this machine can train, 1 when it cannot.",
    )
    .option("--json", "print the findings as JSON")
    .addHelpText("after", "\nExample:\n  $ limbeck doctor --json | jq .engine.precision")
    .action(run);
}

async function run({ json }: { json?: boolean }): Promise<void> {
  useThreads(undefined);
  const diagnosis = await diagnose();
  printResult(diagnosis, { json, lines: linesOf(diagnosis) });
  process.exitCode = diagnosis.canTrain ? 0 : 1;
}

function linesOf(diagnosis: Diagnosis): [string, string][] {
  const { node, cpu, memory, disk, allocator, problems, canTrain } = diagnosis;
  return [
    ["node", node],
    ...engineLines(diagnosis.engine),
    ["cpu", `${cpu.model}, ${cpu.physicalCores} cores`],
    ["memory", `${gigabytes(memory.availableBytes)} free of ${gigabytes(memory.totalBytes)}; ${allocator}`],
    ["disk", `${gigabytes(disk.freeBytes)} free here`],
    ...problems.map(({ what, fix, isFatal }): [string, string] => [isFatal ? "to fix" : "note", sentence(what, fix)]),
    ["training", canTrain ? "ready" : "not possible before that is fixed"],
  ];
}

function engineLines(engine: Diagnosis["engine"]): [string, string][] {
  if (engine === null) return [["engine", "does not load"]];
  const { cpuCapability, kernels, threads, cudaDevices, measured, precision, cpuHasBfloat16 } = engine;
  const devices = ["cpu", ...Array.from({ length: cudaDevices }, (_, i) => `cuda:${i}`)];
  const reason = cpuHasBfloat16 ? "this CPU multiplies bfloat16" : "no bfloat16 products here";
  const speeds = measured.map(({ dtype, gigaflops }) => `${dtype} ${gigaflops.toFixed(0)}`).join(", ");
  return [
    ["engine", `libtorch ${engine.torchVersion} (${engine.engine})`],
    ["devices", devices.join(", ")],
    ["threads", String(threads)],
    ["kernels", `${kernels}; libtorch's own ${cpuCapability}`],
    ["precision", `${precision}: ${reason}`],
    ["speed", `${speeds} GFLOP/s in matrix products`],
  ];
}

/** What is wrong, and what to do where the first does not say it. */
function sentence(what: string, fix: string): string {
  return fix === "" ? what : `${what}. ${fix}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Something that is not as it should be. */
interface Problem {
  what: string;
  fix: string;
  /** Whether training is impossible with it. */
  isFatal: boolean;
}

/** What this machine has for Limbeck. */
export interface Diagnosis {
  canTrain: boolean;
  node: string;
  cpu: { model: string; physicalCores: number };
  memory: { totalBytes: number; availableBytes: number };
  /** Free in the folder the command runs in. */
  disk: { freeBytes: number };
  /** Which allocator the engine's memory comes from. */
  allocator: string;
  /** Null when the engine does not load. */
  engine: (EngineInfo & { measured: Speed[]; precision: DType }) | null;
  problems: Problem[];
}

/** How fast square matrices are multiplied. */
interface Speed {
  dtype: DType;
  gigaflops: number;
}

const NODE_NEEDED = [20, 19] as const;
const LEAST_MEMORY_BYTES = 1e9;
const LEAST_DISK_BYTES = 2e9;
const MATRIX_SIZE = 512;

/** Looks at everything training needs; what is missing is a problem in the list, never an exception. */
async function diagnose(): Promise<Diagnosis> {
  const problems: Problem[] = [];
  const engine = await inspectEngine(problems);
  await inspectTokenizers(problems);
  inspectNode(problems);
  inspectThreads(problems);
  const memory = { totalBytes: process.constrainedMemory() || totalmem(), availableBytes: process.availableMemory() };
  memory.totalBytes = Math.min(memory.totalBytes, totalmem()); // No limit is given as a very large one.
  if (memory.availableBytes < LEAST_MEMORY_BYTES) {
    problems.push({ what: "less than 1 GB of memory is free", fix: "Stop other programs.", isFatal: false });
  }
  const { bavail, bsize } = statfsSync(".");
  const disk = { freeBytes: bavail * bsize };
  if (disk.freeBytes < LEAST_DISK_BYTES) {
    problems.push({
      what: "less than 2 GB of disk is free here",
      fix: "Free some, or work elsewhere.",
      isFatal: false,
    });
  }
  if (!existsSync(join(EMBEDDED_TEACHER, "config.json"))) {
    problems.push({
      what: "no teacher came with this build",
      fix: "Give one to distill: --teacher MODEL.",
      isFatal: false,
    });
  }
  return {
    canTrain: problems.every(({ isFatal }) => !isFatal),
    node: process.versions.node,
    cpu: { model: cpus()[0]?.model.trim() ?? "unknown", physicalCores: physicalCores() },
    memory,
    disk,
    allocator: allocatorInUse(engine !== null),
    engine,
    problems,
  };
}

async function inspectEngine(problems: Problem[]): Promise<Diagnosis["engine"]> {
  try {
    const { engineInfo } = await import("../../engine/tensor/device.js");
    const info = engineInfo();
    inspectLibraries(info, problems);
    const measured = [await measure("float32"), await measure("bfloat16")];
    return { ...info, measured, precision: info.cpuHasBfloat16 ? "bfloat16" : "float32" };
  } catch (error) {
    // Its own message says what to do.
    const fix = error instanceof LimbeckError ? "" : 'Run "npm run setup" again.';
    problems.push({ what: oneLine(error), fix, isFatal: true });
    return null;
  }
}

function inspectLibraries({ mappedLibraries }: EngineInfo, problems: Problem[]): void {
  const cores = mappedLibraries.filter((path) => /\/libc10\.so/.test(path));
  if (cores.length < 2) return;
  problems.push({
    what: `two libtorch are loaded at once: ${cores.join(" and ")}`,
    fix: "Look at LD_LIBRARY_PATH and LD_PRELOAD.",
    isFatal: true,
  });
}

/** What was asked for, since some engines tell only what they take of it. */
function inspectThreads(problems: Problem[]): void {
  const [threads, cores] = [Number(process.env.LIMBECK_THREADS || process.env.OMP_NUM_THREADS), physicalCores()];
  if (!(threads > cores)) return;
  problems.push({
    what: `${threads} threads share ${cores} physical cores, which is slower`,
    fix: "Unset LIMBECK_THREADS and OMP_NUM_THREADS.",
    isFatal: false,
  });
}

async function inspectTokenizers(problems: Problem[]): Promise<void> {
  try {
    await import("tokenizers");
  } catch (error) {
    const what = `the package tokenizers does not load (${oneLine(error)})`;
    problems.push({ what, fix: 'Run "npm ci --ignore-scripts" again.', isFatal: true });
  }
}

function inspectNode(problems: Problem[]): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor] = NODE_NEEDED;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  const what = `Node.js ${process.versions.node} is too old`;
  problems.push({ what, fix: `Install ${NODE_NEEDED.join(".")} or later.`, isFatal: true });
}

/** The best of three products of square matrices. */
async function measure(dtype: DType): Promise<Speed> {
  const { full } = await import("../../engine/tensor/create.js");
  const { noGrad } = await import("../../engine/tensor/autograd.js");
  const { tidy } = await import("../../engine/tensor/scope.js");
  const product = () =>
    noGrad(() =>
      tidy(() => {
        const matrix = full([MATRIX_SIZE, MATRIX_SIZE], 0.5, { dtype });
        const startMs = performance.now();
        matrix.matmul(matrix);
        return (performance.now() - startMs) / 1000;
      }),
    );
  const seconds = Math.min(...[product(), product(), product()]);
  return { dtype, gigaflops: (2 * MATRIX_SIZE ** 3) / seconds / 1e9 };
}

function allocatorInUse(engineIsLoaded: boolean): string {
  const maps = existsSync("/proc/self/maps") ? readFileSync("/proc/self/maps", "utf8") : "";
  const other = /\/lib(jemalloc|tcmalloc\w*|mimalloc)[^/\s]*\.so/.exec(maps)?.[1];
  if (other !== undefined) return other;
  return engineIsLoaded ? "glibc, told to keep large blocks" : "glibc"; // The engine tells it when it is loaded.
}
