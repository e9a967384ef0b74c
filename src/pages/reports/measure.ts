import { bertBase } from "../../families/bert.js";
import { ABSENT, counted, fixed, listed, percent, whole } from "../../quantities.js";
import type { MeasuredRow, ReportOf } from "../../runs/report.js";
import type { BarChart, Highlight, ReportDocument } from "../document.js";
import { type Column, numberColumns, type Row, type Table } from "../table.js";

type MeasureReport = ReportOf<"measure">;

/** More than this share of the time without a processor is said. */
const WAITED_SHARE = 0.1;

/** The report of `measure`, to be read. */
export function measureDocument(report: MeasureReport): ReportDocument {
  return {
    title: "Size and CPU time",
    summary: summaryOf(report),
    highlights: report.rows.map((row, i) => highlightOf(row, i === 0)),
    blocks: [
      { kind: "table", table: measureTable(report) },
      { kind: "bars", chart: secondsBars(report) },
      { kind: "table", table: environmentTable(report) },
    ],
    seeds: report.seeds,
    provenance: report.provenance,
  };
}

/** The paper's Table 3, with the paper's own numbers beside rows of its shapes. */
export function measureTable(report: MeasureReport): Table {
  const { rows, pairs } = report;
  const isExtrapolated = rows.some((row) => row.isExtrapolated);
  const hasPaper = rows.some(({ paper }) => paper !== null);
  const hasBatches = rows.some(({ tokensPerSecond }) => tokensPerSecond !== null);
  const shown = (cells: readonly string[], isShown: boolean) => (isShown ? cells : []);
  const columns: Column[] = numberColumns("", [
    ...["parameters", "size", "tokens"],
    `${isExtrapolated ? `s for ${whole(pairs.measured)}` : "seconds"}`,
    ...shown([`≈ s for ${whole(pairs.all)}`], isExtrapolated),
    ...["ratio", "p50 ms", "p95 ms"],
    ...shown(["tokens/s"], hasBatches),
    ...shown(["paper", "seconds", "ratio"], hasPaper),
  ]);
  const cellsOf = (row: MeasuredRow): Row => ({
    cells: [
      row.name,
      millions(row.parameters),
      `${fixed(row.bytes / 1e6, 1)} MB`,
      fixed(row.tokensPerPair, 1),
      secondsText(row.seconds),
      ...shown([secondsText(row.allSeconds)], isExtrapolated),
      ...[fixed(row.secondsRatio, 2), milliseconds(row.p50Ms), milliseconds(row.p95Ms)],
      ...shown([row.tokensPerSecond === null ? ABSENT : whole(row.tokensPerSecond)], hasBatches),
      ...shown(paperCells(row, rows[0] ?? row), hasPaper),
    ],
  });
  return { caption: captionOf(report), columns, rows: rows.map(cellsOf), notes: notesOf(report) };
}

/** What a report was measured with, a line each. */
export function environmentTable({ environment }: MeasureReport): Table {
  const { model, cores, threads, instructionSets, kernels, torchVersion, engine, precision } = environment;
  const onnx = environment.onnxRuntime === null ? "" : `ONNX Runtime ${environment.onnxRuntime}, `;
  const rows: [string, string][] = [
    ["processor", `${model}, ${counted(cores, "core")}`],
    ["instruction sets", `${instructionSets.join(", ") || "unknown"}; libtorch's kernels use ${kernels}`],
    ["threads", String(threads)],
    ["engine", `libtorch ${torchVersion} (${engine}), ${onnx}Node.js ${environment.node}`],
    ["precision", precision === "float32" ? "f32" : "bf16 products, f32 elsewhere"],
    ["load", `${fixed(environment.loadAverage, 1)} processes wanted to run in the minute before`],
  ];
  return {
    caption: "Measured on",
    columns: [
      { label: "", align: "left" },
      { label: "this machine", align: "left" },
    ],
    rows: rows.map((cells) => ({ cells })),
    notes: [],
  };
}

function captionOf({ pairs, environment }: MeasureReport): string {
  const of = pairs.source === "STS-B" ? "of STS-B's dev set" : "of made-up sentences";
  const what = pairs.measured < pairs.all ? `${whole(pairs.measured)} of ${whole(pairs.all)}` : whole(pairs.all);
  const threads = counted(environment.threads, "thread");
  return `Size and CPU time: a pass over ${what} pairs ${of} at batch size 1, ${threads} (paper: Table 3)`;
}

function notesOf(report: MeasureReport): string[] {
  const { rows, pairs, method, shapeTokenizer } = report;
  const shapes = rows.filter(({ kind }) => kind === "shape");
  const isElmo = ({ tokens }: MeasuredRow) => tokens === "words";
  return [
    `tokens: of a pair on average, marks included. Ratios are of seconds, to ${rows[0]?.name ?? "the first row"}.`,
    ...noteIf(
      rows.length > 1,
      `Rows take turns of ${method.turnPairs} pairs, so that what else runs here slows all of them alike; the first pass of a turn is not counted.`,
    ),
    ...noteIf(
      pairs.measured < pairs.all,
      `Extrapolated: ${whole(pairs.measured)} of ${whole(pairs.all)} pairs, evenly spread, were measured; seconds for all are × ${fixed(pairs.all / pairs.measured, 2)}.`,
    ),
    ...noteIf(
      pairs.source === "made up",
      "The pairs are made up, with the lengths of STS-B's: --data DIR reads the real ones.",
    ),
    ...noteIf(shapes.length > 0, `Without weights: ${listed(shapes.map(({ name }) => name))}; size is in f32.`),
    ...(shapeTokenizer === null ? [] : [tokenizerNote(shapeTokenizer)]),
    ...noteIf(
      rows.some(isElmo),
      "ELMo reads whole words, each sentence by itself. Its parameters are those of the encoder as published, 93.6 M; the paper's 180 M include the model of the task on top.",
    ),
    ...rows
      .filter(({ cutPairs }) => cutPairs > 0)
      .map(({ name, cutPairs }) => `${name}: ${counted(cutPairs, "pair")} cut to fit its positions.`),
    ...noteIf(
      rows.some(({ runtime }) => runtime === "onnx"),
      "ONNX rows run the exported model with its head, and the file that is fused for ONNX Runtime where there is one; the others run the encoder alone.",
    ),
    ...noteIf(
      method.batch.passes > 0,
      `tokens/s: of full batches of ${method.batch.B} × ${method.batch.S} tokens, the median of ${method.batch.passes}.`,
    ),
    ...report.notes,
    ...waitNotes(rows),
  ];
}

function tokenizerNote({ name, pieces }: NonNullable<MeasureReport["shapeTokenizer"]>): string {
  const few = `, fewer than BERT's ${whole(bertBase.vocabSize)}: texts are more tokens. --tokenizer MODEL reads with another`;
  return `Shapes read the ${whole(pieces)} word pieces of ${name}${pieces < bertBase.vocabSize ? few : ""}.`;
}

/** What rows had to wait, and how they compare without it. */
function waitNotes(rows: readonly MeasuredRow[]): string[] {
  const waits = rows.map(({ seconds, cpuSeconds }) => Math.max(0, 1 - cpuSeconds / seconds));
  if (waits.every((wait) => wait < WAITED_SHARE)) return [];
  const shares = listed(rows.map(({ name }, i) => `${name} ${percent(waits[i] ?? 0)}`));
  const ratios = listed(rows.map(({ cpuSecondsRatio }) => fixed(cpuSecondsRatio, 2)));
  const without = rows.length > 1 ? ` By processor time the ratios are ${ratios}.` : "";
  return [`Other processes had the processor for part of the seconds: ${shares}.${without}`];
}

function noteIf(isSo: boolean, note: string): string[] {
  return isSo ? [note] : [];
}

function paperCells({ paper }: MeasuredRow, first: MeasuredRow): string[] {
  if (paper === null) return [ABSENT, ABSENT, ABSENT];
  const ratio = first.paper === null ? ABSENT : fixed(paper.seconds / first.paper.seconds, 2);
  return [`${fixed(paper.parameters / 1e6, 0)} M`, fixed(paper.seconds, 0), ratio];
}

function summaryOf({ rows }: MeasureReport): string {
  const [first, ...others] = rows;
  if (first === undefined) return "Nothing was measured.";
  if (others.length === 0) return `${first.name} takes ${milliseconds(first.p50Ms)} ms for a pair of sentences.`;
  const each = others.map(
    ({ name, parametersRatio, secondsRatio }) =>
      `${name} has ${percent(parametersRatio)} of the parameters and takes ${fixed(secondsRatio, 2)} times as long`,
  );
  return `Beside ${first.name}, ${listed(each)}.`;
}

function highlightOf(row: MeasuredRow, isFirst: boolean): Highlight {
  const note = isFirst
    ? `${millions(row.parameters)} parameters`
    : `${millions(row.parameters)} parameters, ${fixed(row.secondsRatio, 2)} times as long`;
  return { label: row.name, value: `${milliseconds(row.p50Ms)} ms a pair`, note };
}

function secondsBars({ rows, pairs }: MeasureReport): BarChart {
  const wording = pairs.measured < pairs.all ? `, extrapolated from ${whole(pairs.measured)}` : "";
  const hasPaper = rows.some(({ paper }) => paper !== null);
  return {
    title: `Seconds for ${whole(pairs.all)} pairs`,
    description: `A bar for each row, as long as it takes${wording}.${hasPaper ? " Marks are the paper's seconds, on its own machine." : ""}`,
    series: ["seconds"],
    decimals: 1,
    isSigned: false,
    groups: rows.map(({ name, allSeconds, paper, isExtrapolated }) => ({
      label: name,
      bars: [{ value: allSeconds, spread: null, note: isExtrapolated ? "extrapolated" : "", isMuted: false }],
      reference: paper?.seconds ?? null,
    })),
    referenceLabel: hasPaper ? "the paper" : null,
  };
}

function millions(parameters: number): string {
  return `${fixed(parameters / 1e6, parameters < 10e6 ? 2 : 1)} M`;
}

function secondsText(seconds: number): string {
  return fixed(seconds, seconds < 10 ? 2 : 1);
}

function milliseconds(ms: number): string {
  return fixed(ms, ms < 10 ? 2 : 1);
}
