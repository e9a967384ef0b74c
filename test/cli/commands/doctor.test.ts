import { cpus } from "node:os";
import { expect, test } from "vitest";
import type { Diagnosis } from "../../../src/cli/commands/doctor.js";
import { limbeck } from "../limbeck.js";

test("a machine that is set up can train", async () => {
  const { status, stdout, stderr } = await limbeck(["doctor", "--json"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const found = JSON.parse(stdout) as Diagnosis;
  expect(found).toMatchObject({ canTrain: true, node: process.versions.node, engine: { threads: 1 } });
  expect(found.engine?.torchVersion).toMatch(/^\d+\.\d+/);
  expect(found.engine?.mappedLibraries.filter((path) => path.includes("/libc10.so"))).toHaveLength(1);
  expect(found.engine?.precision).toBe(found.engine?.cpuHasBfloat16 ? "bfloat16" : "float32");
  expect(found.problems.filter(({ isFatal }) => isFatal)).toEqual([]);
});

test("what was found is said in words", async () => {
  const { stdout } = await limbeck(["doctor"]);
  for (const label of ["node", "engine", "devices", "threads", "kernels", "precision", "cpu", "memory", "disk"]) {
    expect(stdout).toMatch(new RegExp(`^${label} +\\S`, "m"));
  }
  expect(stdout).toMatch(/^training +ready$/m);
});

test("without an engine it says what to do, and ends with 1", async () => {
  const { status, stdout, stderr } = await limbeck(["doctor"], { env: { LIMBECK_ENGINE: "absent" } });
  expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
  expect(stdout).toMatch(/^to fix +.*the engine is not built. Run "npm run setup"/m);
  expect(stdout).toMatch(/^memory +\d/m); // The rest is found all the same.
  expect(stdout).toMatch(/^training +not possible/m);
});

test("more threads than cores is noted", async () => {
  const many = String(cpus().length + 1);
  const { status, stdout } = await limbeck(["doctor"], { env: { LIMBECK_THREADS: many } });
  expect(status).toBe(0);
  expect(stdout).toMatch(new RegExp(`^note +${many} threads share`, "m"));
});

test("where nothing is said, the threads are the physical cores", async () => {
  const env = { LIMBECK_THREADS: undefined, OMP_NUM_THREADS: undefined };
  const { stdout } = await limbeck(["doctor", "--json"], { env });
  const { engine, cpu } = JSON.parse(stdout) as Diagnosis;
  expect(engine?.threads).toBe(cpu.physicalCores);
});
