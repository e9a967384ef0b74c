import type { Command } from "commander";
import { useThreads } from "../../processor.js";
import type { Diagnosis } from "../display/diagnosis.js";
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
  const { diagnose } = await import("../display/diagnosis.js");
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
  const { cpuCapability, threads, cudaDevices, measured, precision, cpuHasBfloat16 } = engine;
  const devices = ["cpu", ...Array.from({ length: cudaDevices }, (_, i) => `cuda:${i}`)];
  const reason = cpuHasBfloat16 ? "this CPU multiplies bfloat16" : "this CPU has no bfloat16 products";
  const speeds = measured.map(({ dtype, gigaflops }) => `${dtype} ${gigaflops.toFixed(0)}`).join(", ");
  return [
    ["engine", `libtorch ${engine.torchVersion} (${engine.engine})`],
    ["devices", devices.join(", ")],
    ["threads", `${threads}; instruction set ${cpuCapability}`],
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
