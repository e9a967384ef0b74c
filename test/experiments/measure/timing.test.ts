import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Subject } from "../../../src/experiments/measure/measure-subjects.js";
import { madeUpPairs, STS_B_DEV_PAIRS } from "../../../src/experiments/measure/pairs.js";
import {
  type MeasureProgress,
  type MeasureReport,
  spreadOver,
  type TimingOptions,
  TURN_PAIRS,
  timeSubjects,
  WARM_UP_PASSES,
} from "../../../src/experiments/measure/timing.js";
import { PAPER_COSTS } from "../../../src/experiments/paper.js";
import { percentile } from "../../../src/numbers.js";
import { renderPage } from "../../../src/pages/page.js";
import { environmentTable, measureDocument, measureTable } from "../../../src/pages/reports/measure.js";
import { formatTable } from "../../../src/pages/table.js";
import { instructionSetsIn, readCpu } from "../../../src/processor.js";
import type { MeasuredRow } from "../../../src/runs/report.js";

/** The clock stands but for what passes take: of one's own processor, three quarters of that. */
let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  vi.spyOn(process, "cpuUsage").mockImplementation((before) => ({
    user: 500 * nowMs - (before?.user ?? 0),
    system: 250 * nowMs - (before?.system ?? 0),
  }));
});
afterEach(() => void vi.restoreAllMocks());

/** A subject whose passes take so long, and are written down. */
function subjectOf(name: string, passMs: number, log: string[], changes: Partial<Subject> = {}): Subject {
  return {
    ...{
      name,
      kind: "model",
      runtime: "libtorch",
      passBatch: null,
      parameters: 1000,
      fileBytes: 5000,
      tokens: "word pieces",
      hasPooler: true,
      paper: null,
    },
    read: async (pairs) => ({
      lengths: pairs.map(({ first, second }) => first.length + second.length),
      cutPairs: 0,
      pass: (pair) => {
        log.push(`${name} ${pair}`);
        nowMs += passMs;
      },
    }),
    [Symbol.dispose]: () => {},
    ...changes,
  };
}

function pairsOf(count: number): TimingOptions["pairs"] {
  const pairs = Array.from({ length: count }, (_, i) => ({ first: "a".repeat(i), second: "bb" }));
  return { source: "STS-B", path: "glue", pairs };
}

function run(subjects: Subject[], changes: Partial<TimingOptions> = {}): Promise<MeasureReport> {
  const plain = { limit: null, precision: "float32", shapeTokenizer: null, progress: () => {} } as const;
  return timeSubjects({ ...plain, subjects, pairs: pairsOf(5), ...changes });
}

describe("full batches", () => {
  test("are run by those that read them, in turns, after the pairs", async () => {
    const log: string[] = [];
    const passBatch =
      (name: string) =>
      async ({ B, S }: { B: number; S: number }) => {
        log.push(`${name} ${B}x${S}`);
        nowMs += name === "a" ? 5 : 8;
      };
    const subjects = [
      subjectOf("a", 0, [], { passBatch: passBatch("a") }),
      subjectOf("b", 0, [], { passBatch: passBatch("b"), runtime: "onnx" }),
      subjectOf("c", 0, []),
    ];
    const report = await run(subjects, { batchPasses: 2, onnxRuntime: "1.2.3", notes: ["c fp16 is left out."] });
    expect(log).toEqual(["a 32x128", "b 32x128", "b 32x128", "a 32x128"]);
    const [a, b, c] = report.rows;
    expect([a?.tokensPerSecond, b?.tokensPerSecond]).toEqual([4096 / 0.005, 4096 / 0.008]);
    expect([b?.runtime, c?.tokensPerSecond]).toEqual(["onnx", null]);
    const text = formatTable(measureTable(report));
    expect(text).toMatch(/p95 ms +tokens\/s$/m);
    expect(text).toMatch(/^c .* —$/m);
    expect(text).toMatch(/ONNX rows run the exported model with its head/);
    expect(text).toMatch(/full batches of 32 × 128 tokens, the median of 2\./);
    expect(text).toMatch(/^c fp16 is left out\.$/m);
    expect(formatTable(environmentTable(report))).toMatch(/, ONNX Runtime 1\.2\.3, Node/);
  });

  test("are none unless asked for, and then no column", async () => {
    const report = await run([subjectOf("a", 0, [])]);
    expect(report.rows[0]?.tokensPerSecond).toBeNull();
    expect(formatTable(measureTable(report))).not.toMatch(/tokens\/s/);
  });
});

describe("passes", () => {
  const timed = (log: readonly string[], subjects: number) => log.slice(subjects * WARM_UP_PASSES);

  test("are of every pair once, in order, after the warm-up", async () => {
    const log: string[] = [];
    await run([subjectOf("a", 0, log)]);
    expect(log.slice(0, WARM_UP_PASSES)).toEqual(["a 0", "a 1", "a 2"]);
    expect(timed(log, 1)).toEqual(["a 0", "a 1", "a 2", "a 3", "a 4"]);
  });

  test("take turns, another first every round, each turn begun with one that is not counted", async () => {
    const log: string[] = [];
    const pairs = TURN_PAIRS + 2;
    const report = await run([subjectOf("a", 0, log), subjectOf("b", 0, log)], { pairs: pairsOf(pairs) });
    const firsts = Array.from({ length: TURN_PAIRS }, (_, i) => i);
    const turn = (name: string, numbers: number[]) => [`${name} ${numbers[0]}`, ...numbers.map((i) => `${name} ${i}`)];
    expect(timed(log, 2)).toEqual([
      ...[...turn("a", firsts), ...turn("b", firsts)],
      ...[...turn("b", [TURN_PAIRS, TURN_PAIRS + 1]), ...turn("a", [TURN_PAIRS, TURN_PAIRS + 1])],
    ]);
    expect(report.pairs).toEqual({ source: "STS-B", path: "glue", measured: pairs, all: pairs });
  });

  test("that are not counted leave no time", async () => {
    let passes = 0;
    const slowAtFirst = async () => ({
      lengths: [1, 1],
      cutPairs: 0,
      pass: () => {
        if (passes++ > WARM_UP_PASSES) return; // The warm-up and the first of the turn.
        nowMs += 100;
      },
    });
    const report = await run([subjectOf("a", 0, [], { read: slowAtFirst }), subjectOf("b", 0, [])], {
      pairs: pairsOf(2),
    });
    expect(report.rows[0]).toMatchObject({ seconds: 0, cpuSeconds: 0 });
  });

  test("end soon after the signal", async () => {
    const controller = new AbortController();
    const log: string[] = [];
    const progress = () => controller.abort();
    const running = run([subjectOf("a", 30, log)], { pairs: pairsOf(100), progress, signal: controller.signal });
    await expect(running).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(log.length).toBeLessThan(20);
  });
});

describe("a row", () => {
  test("has seconds, percentiles and ratios to the first row", async () => {
    const [slow, fast] = [subjectOf("slow", 12, []), subjectOf("fast", 4, [], { parameters: 250, fileBytes: null })];
    const { rows } = await run([slow, fast], { pairs: pairsOf(10) });
    const [first, second] = rows as [MeasuredRow, MeasuredRow];
    expect(first).toMatchObject({
      name: "slow",
      secondsRatio: 1,
      parametersRatio: 1,
      bytes: 5000,
      bytesAre: "on disk",
    });
    expect(first).toMatchObject({ seconds: 0.12, p50Ms: 12, p95Ms: 12 });
    expect(second).toMatchObject({ parametersRatio: 0.25, bytes: 4 * 250, bytesAre: "in f32", tokens: "word pieces" });
    expect(second).toMatchObject({ seconds: 0.04, secondsRatio: 0.04 / 0.12 });
    expect([first.cpuSeconds, second.cpuSeconds]).toEqual([0.09, 0.03]);
    expect(second.cpuSecondsRatio).toBeCloseTo(1 / 3, 12);
    expect(first.tokensPerPair).toBe(4.5 + 2); // Lengths 0 to 9, and 2.
  });

  test("of a part of the pairs says so, and what all would take", async () => {
    const { rows, pairs } = await run([subjectOf("a", 2, [])], { pairs: pairsOf(40), limit: 10 });
    const [row] = rows as [MeasuredRow];
    expect(pairs).toMatchObject({ measured: 10, all: 40 });
    expect(row.isExtrapolated).toBe(true);
    expect(row.allSeconds).toBeCloseTo(4 * row.seconds, 12);
    expect(row.tokensPerPair).toBeCloseTo(20 + 2, 12); // Evenly spread over 0 to 39: 2, 6, … 38.
  });

  test("of all pairs is not extrapolated", async () => {
    const { rows } = await run([subjectOf("a", 0, [])]);
    expect(rows[0]).toMatchObject({ isExtrapolated: false, allSeconds: rows[0]?.seconds });
  });
});

test("progress goes from pair to pair, and the estimate weighs slow rows", async () => {
  const seen: MeasureProgress[] = [];
  const subjects = [subjectOf("slow", 40, []), subjectOf("fast", 1, [])];
  await run(subjects, { pairs: pairsOf(10), progress: (state) => seen.push(state) });
  const fractions = seen.map(({ fraction }) => fraction);
  expect(fractions.length).toBeGreaterThan(2);
  expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
  const middle = seen.find(({ name, pairsDone }) => name === "slow" && pairsDone >= 4);
  expect(middle?.fraction).toBeGreaterThan(0.3); // By pairs it would be 4 of 20.
  expect(seen.every(({ pairs, etaSeconds }) => pairs === 10 && etaSeconds >= 0)).toBe(true);
});

test("a part is spread over the whole", () => {
  expect(spreadOver([0, 1, 2, 3, 4, 5, 6, 7], 4)).toEqual([1, 3, 5, 7]);
  expect(spreadOver([0, 1, 2], 2)).toEqual([0, 2]);
  expect(spreadOver([0, 1, 2], 3)).toEqual([0, 1, 2]);
  expect(
    new Set(
      spreadOver(
        Array.from({ length: 1500 }, (_, i) => i),
        1499,
      ),
    ).size,
  ).toBe(1499);
});

describe("the table", () => {
  const reportOf = async (changes: Partial<TimingOptions> = {}): Promise<MeasureReport> =>
    run(
      [
        subjectOf("bert", 4, [], {
          paper: PAPER_COSTS.bertBase,
          kind: "shape",
          parameters: 109_482_240,
          fileBytes: null,
        }),
        subjectOf("elmo", 2, [], { paper: PAPER_COSTS.elmo, kind: "shape", tokens: "words" }),
        subjectOf("mine", 1, [], { fileBytes: 12_345_678 }),
      ],
      changes,
    );

  test("has the paper's numbers beside rows of its shapes", async () => {
    const { columns, rows } = measureTable(await reportOf());
    expect(columns.map(({ label }) => label).slice(-3)).toEqual(["paper", "seconds", "ratio"]);
    expect(rows.map(({ cells }) => cells.slice(-3))).toEqual([
      ["110 M", "668", "1.00"],
      ["180 M", "895", "1.34"],
      ["—", "—", "—"],
    ]);
    expect(rows.map(({ cells }) => cells.slice(0, 3))).toEqual([
      ["bert", "109.5 M", "437.9 MB"],
      ["elmo", "0.00 M", "0.0 MB"],
      ["mine", "0.00 M", "12.3 MB"],
    ]);
  });

  test("has none of them where no row is the paper's", async () => {
    const { columns } = measureTable(await run([subjectOf("mine", 1, [])]));
    expect(columns.map(({ label }) => label)).toEqual([
      ...["", "parameters", "size", "tokens", "seconds", "ratio", "p50 ms", "p95 ms"],
    ]);
  });

  test("says what 180 M are, that rows take turns, and which have no weights", async () => {
    const notes = measureTable(await reportOf()).notes.join("\n");
    expect(notes).toContain("the paper's 180 M include the model of the task on top");
    expect(notes).toContain(`take turns of ${TURN_PAIRS} pairs`);
    expect(notes).toContain("Without weights: bert and elmo");
    expect(notes).not.toMatch(/Extrapolated|made up/);
  });

  test("says what was extrapolated, in a column and in a note", async () => {
    const report = await reportOf({ pairs: pairsOf(30), limit: 4 });
    const { caption, columns, notes } = measureTable(report);
    expect(caption).toContain("4 of 30 pairs");
    expect(columns.map(({ label }) => label)).toEqual(expect.arrayContaining(["s for 4", "≈ s for 30"]));
    expect(notes.join("\n")).toContain("4 of 30 pairs, evenly spread, were measured; seconds for all are × 7.50");
  });

  test("says that pairs are made up, and whose pieces shapes read", async () => {
    const pairs = { source: "made up", path: null, pairs: madeUpPairs(3) } as const;
    const table = measureTable(await reportOf({ pairs, shapeTokenizer: { name: "TEACHER", pieces: 8000 } }));
    expect(table.caption).toContain("made-up sentences");
    expect(table.notes.join("\n")).toMatch(
      /made up, with the lengths of STS-B's(.|\n)*Shapes read the 8,000 word pieces of TEACHER, fewer than BERT's 30,522/,
    );
  });

  test("says where other processes had the processor, and the ratios without them", async () => {
    const report = await reportOf();
    const quiet = report.rows.map((row) => ({ ...row, cpuSeconds: 9, seconds: 9.1 }));
    const rows = report.rows.map((row, i) => ({
      ...{ ...row, seconds: 10, cpuSeconds: [8, 9.5, 4][i] ?? 0, cpuSecondsRatio: [1, 1.1875, 0.5][i] ?? 0 },
    }));
    expect(measureTable({ ...report, rows }).notes.at(-1)).toBe(
      "Other processes had the processor for part of the seconds: bert 20.0 %, elmo 5.0 % and mine 60.0 %. By processor time the ratios are 1.00, 1.19 and 0.50.",
    );
    expect(measureTable({ ...report, rows: quiet }).notes.join("\n")).not.toContain("Other processes");
  });

  test("and what it was measured on", async () => {
    const text = formatTable(environmentTable(await reportOf()));
    for (const label of ["processor", "instruction sets", "threads", "engine", "precision"]) {
      expect(text).toMatch(new RegExp(`^${label} +\\S`, "m"));
    }
  });

  test("stands in a page, with bars beside the paper's seconds", async () => {
    const report = await reportOf();
    const document = measureDocument(report);
    const page = renderPage(document);
    expect(page).toContain("bert");
    expect(page).toContain("437.9 MB");
    const bars = document.blocks.find(({ kind }) => kind === "bars");
    expect(bars).toMatchObject({ chart: { groups: [{ reference: 668 }, { reference: 895 }, { reference: null }] } });
  });
});

describe("the processor", () => {
  test("is named, with the instruction sets that matter", () => {
    expect(instructionSetsIn("model name\t: X\nflags\t\t: fpu avx avx2 avx512f amx_bf16 sse\nbugs\t:\n")).toEqual([
      ...["AVX2", "AVX-512", "AMX BF16"],
    ]);
    expect(instructionSetsIn("Features\t: fp asimd sve")).toEqual(["NEON", "SVE"]);
    expect(instructionSetsIn("")).toEqual([]);
  });

  test("of this machine has cores", () => {
    expect(readCpu().cores).toBeGreaterThan(0);
  });
});

describe("made-up pairs", () => {
  const words = (text: string) => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0;
  const pairs = madeUpPairs(STS_B_DEV_PAIRS);
  const lengths = pairs.map(({ first, second }) => words(first) + words(second)).sort((a, b) => a - b);

  test("are the same every time", () => {
    expect(madeUpPairs(5)).toEqual(pairs.slice(0, 5));
  });

  test("are as long as STS-B's dev set: 26.5 words and signs, half of them up to 23, 95 % up to 52", () => {
    expect(lengths.reduce((sum, length) => sum + length, 0) / lengths.length).toBeCloseTo(26.5, 0);
    expect(Math.abs(percentile(lengths, 50) - 23)).toBeLessThanOrEqual(1);
    expect(Math.abs(percentile(lengths, 95) - 52)).toBeLessThanOrEqual(1);
    expect(lengths[0]).toBeGreaterThanOrEqual(8);
    expect(lengths.at(-1)).toBeLessThanOrEqual(76);
  });

  test("are two sentences each, hardly a pair like another", () => {
    for (const { first, second } of pairs) for (const text of [first, second]) expect(text).toMatch(/^[A-Z].*[^ ]\.$/);
    expect(new Set(pairs.map(({ first, second }) => `${first}\t${second}`)).size).toBeGreaterThan(1490);
  });
});
