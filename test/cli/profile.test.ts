import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { profileLines } from "../../src/cli/display/run-display.js";
import { limbeck, limbeckJson } from "./limbeck.js";
import { distillation, makeWorkshop, TINY, TINY_TEACHER, type Workshop } from "./workshop.js";

let shop: Workshop;
beforeAll(async () => {
  shop = await makeWorkshop();
});
afterAll(() => shop[Symbol.dispose]());

const weightsOf = (run: string) => readFileSync(join(run, "model/model.safetensors"));

/** The first column of the table under a heading. */
function namesBelow(heading: string, text: string): string[] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith(heading)) + 1;
  const end = lines.indexOf("", start);
  return lines.slice(start, end).map((line) => line.split(/ {2,}/, 1)[0] ?? "");
}

describe("--profile", () => {
  test("prints phases and ops, and where the trace is, beside what else is said", async () => {
    const { args, out } = distillation(shop, 8, "--profile");
    const { status, stdout, stderr } = await limbeck(args);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^profile of steps 3 to 7, [\d.]+ ms each$/m);
    expect(namesBelow("phase ", stderr)).toEqual([
      ...["data", "teacher", "student forward", "losses", "backward", "optimizer", "other"],
    ]);
    const ops = namesBelow("op, its own time ", stderr);
    expect(ops).toHaveLength(17);
    expect(ops.slice(15)).toEqual([expect.stringMatching(/^\d+ others$/), "outside ops"]);
    expect(stderr).toMatch(/^aten::\S+ +[\d,]+ +\d+\.\d\d +\d+\.\d %$/m);
    const path = join(out, "profile.json");
    expect(stderr).toContain(
      `\n${path}: each op as it ran. Open it in chrome://tracing or at https://ui.perfetto.dev\n`,
    );
    expect(stdout).not.toMatch(/profile|aten/);
    expect(JSON.parse(readFileSync(path, "utf8")).otherData).toMatchObject({ steps: 5, cut: null });
  });

  test("with --json and --quiet prints the result alone, and writes the trace", async () => {
    const out = join(shop.newFolder(), "run");
    const settings = [...TINY, ...TINY_TEACHER, "steps=4"];
    const sources = ["--data", shop.data, "--out", out, "--held-out-sequences", "8"];
    const result = await limbeckJson<object>(["pretrain", ...sources, "--profile", "--set", ...settings]);
    expect(Object.keys(result)).toEqual(["run", "model", "heldOut"]);
    const { otherData } = JSON.parse(readFileSync(join(out, "profile.json"), "utf8"));
    expect(otherData.phases.map(({ name }: { name: string }) => name)).toContain("forward");
  });

  test("profiles a fine-tuning with a teacher, whose model stays the same", async () => {
    const folder = shop.newFolder();
    const rows = Array.from({ length: 40 }, (_, i) => (i % 2 ? "the river walks,water" : "a cold stone,stone"));
    const table = join(folder, "rows.csv");
    writeFileSync(table, `${["text,topic", ...rows].join("\n")}\n`);
    const own = ["--train", table, "--validation", table, "--text", "text", "--label", "topic"];
    const quick = ["sequenceLength=16", "stepSequences=8", "microBatchTokens=128", "epochs=1", "precision=float32"];
    const run = async (name: string, model: string, ...more: string[]) => {
      const out = join(folder, name);
      await limbeckJson(["finetune", "--model", model, "--out", out, ...own, ...more, "--set", ...quick]);
      return out;
    };
    const teacher = join(await run("teacher", shop.teacher), "model");
    const plain = await run("plain", shop.teacher, "--teacher", teacher);
    const profiled = await run("profiled", shop.teacher, "--teacher", teacher, "--profile");
    expect(weightsOf(profiled).equals(weightsOf(plain))).toBe(true);
    const { otherData } = JSON.parse(readFileSync(join(profiled, "profile.json"), "utf8"));
    expect(otherData).toMatchObject({ steps: 3 });
    expect(otherData.phases.map(({ name }: { name: string }) => name).toSorted()).toEqual(
      ["data", "forward", "losses", "teacher", "backward", "optimizer", "other"].toSorted(),
    );
  });

  test("that finds no room ends the run in one line, and the run goes on without it", async () => {
    const { args, out } = distillation(shop, 9, "--profile", "-q", "--save-every", "1");
    const wrap = (command: string[]) => ["bash", "-c", 'ulimit -f 150; exec "$@"', "bash", ...command];
    const { status, stderr } = await limbeck(args, { wrap });
    expect(stderr).toMatch(/^limbeck: .*profile\.json: no space left \(EFBIG\).*\n$/);
    expect(status).toBe(2);
    expect(readdirSync(out).filter((name) => name.includes("profile"))).toEqual([]);
    expect(await limbeck(["distill", "--resume", "--out", out, "-q"])).toMatchObject({ status: 0, stderr: "" });
    expect(existsSync(join(out, "profile.json"))).toBe(false);
  });
});

describe("the tables", () => {
  const row = { name: "data", calls: 1, ms: 2, share: 1 };
  const profile = { path: "run/profile.json", firstStep: 1203, steps: 2, stepMs: 2, phases: [row], ops: [row] };
  const linesOf = (steps: number, cut: { events: number; isStep: boolean } | null) =>
    profileLines({ ...profile, steps, outsideOps: { ms: 0, share: 0 }, cut });

  test("say which steps they are of", () => {
    expect(linesOf(2, null).slice(0, 3)).toEqual(["", "profile of steps 1,203 to 1,204, 2.0 ms each", ""]);
  });

  test("say what did not fit", () => {
    const full = "the record was full after 2,000,000 ops and phases";
    expect(linesOf(2, { events: 2e6, isStep: false })[2]).toBe(`${full}: later steps are not in it`);
    expect(linesOf(1, { events: 2e6, isStep: true }).slice(1, 3)).toEqual([
      "profile of step 1,203, 2.0 ms each",
      `${full}: this is only how the step begins`,
    ]);
  });
});
