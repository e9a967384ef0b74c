import { inPoints } from "../../experiments/task-runs.js";
import { LABELLED_KINDS, type LabelledKind } from "../../kinds/kinds.js";
import { ABSENT, counted, fixed, listed, whole } from "../../quantities.js";
import type { ReportOf } from "../../runs/report.js";
import type { Block, Fact, Highlight, ReportDocument } from "../document.js";
import { numberColumns, type Row, type Table } from "../table.js";
import { courseBlocks, curveOf, figureCurve, recordsOf } from "./courses.js";
import { capital, evaluatedFigures, resultFigures } from "./scores.js";

type RunReport = ReportOf<"finetune">;

/** Of more evaluations, those are shown that are evenly spread, and the one whose weights were kept. */
const MOST_ROWS = 20;

/** The report of one fine-tuning, to be read.
 *
 * @param run its directory, which has the course of the training
 */
export function finetuneDocument(report: RunReport, run: string): ReportDocument {
  const { task, seeds, provenance } = report;
  const took = `${fixed(report.elapsedMs / 60_000, 1)} min`;
  return {
    title: `Fine-tuned on ${task.title}`,
    summary: summaryOf(run, report),
    highlights: highlightsOf(run, report),
    blocks: [
      ...trainingBlocks(run, report),
      { kind: "table", table: evaluationTable(run, report) },
      { kind: "facts", title: "What it was made from", facts: [...originFacts(report), ["took", took]] },
      { kind: "facts", title: "The recipe", facts: recipeFacts(report) },
    ],
    seeds,
    provenance,
  };
}

function summaryOf(run: string, report: RunReport): string {
  const { metrics, recipe, step, teacher, selection } = report;
  const figures = resultFigures(report).map(({ title, value }) => `${title} ${fixed(value, 1)}`);
  const [set] = Object.keys(metrics).map((split) => split.replace(/_.*/, ""));
  const evaluations = evaluationsOf(run).length;
  const chosen = recipe.keep === "best" && evaluations > 1 ? `, the best of ${counted(evaluations, "evaluation")}` : "";
  const where = selection === null || chosen === "" ? "" : ` on ${selection.title}`;
  const from = teacher === null ? "" : " It learned from the labels and from a teacher's logits.";
  return `${capital(listed(figures))} on the ${set} set, with the weights after step ${whole(step)}${chosen}${where}.${from}`;
}

function highlightsOf(run: string, report: RunReport): Highlight[] {
  const kept = evaluationsOf(run).find(({ step }) => step === report.step);
  const figures = resultFigures(report).map(({ title, value }) => ({
    label: capital(title),
    value: fixed(value, 1),
    note: "",
  }));
  const loss = typeof kept?.heldOutLoss === "number" ? fixed(kept.heldOutLoss, 3) : null;
  return [
    ...figures,
    ...(loss === null ? [] : [{ label: "Loss", value: loss, note: "of that evaluation" }]),
    { label: "Trained on", value: whole(report.trainExamples), note: "examples" },
  ];
}

function trainingBlocks(run: string, { teacher }: RunReport): Block[] {
  const keys = teacher === null ? ["loss"] : ["loss", "hard", "soft"];
  const names: Readonly<Record<string, string>> = { loss: "training", hard: "on labels", soft: "on the teacher" };
  return courseBlocks("The course of training", [
    {
      title: "Evaluations",
      yLabel: "points",
      series: evaluatedFigures(run).map(({ key, title }) => ({ label: title, points: figureCurve(run, key) })),
    },
    {
      title: "Losses",
      yLabel: "loss",
      series: [
        ...keys.map((key) => ({ label: names[key] ?? key, points: curveOf(run, key) })),
        { label: "evaluation", points: curveOf(run, "heldOutLoss") },
      ],
    },
  ]);
}

function evaluationTable(run: string, report: RunReport): Table {
  const figures = evaluatedFigures(run);
  const all = evaluationsOf(run);
  const every = Math.ceil(all.length / MOST_ROWS);
  const shown = all.filter(({ step }, i) => (i + 1) % every === 0 || step === report.step);
  const number = (value: unknown, text: (value: number) => string) =>
    typeof value === "number" ? text(value) : ABSENT;
  const rowOf = (record: (typeof all)[number]): Row => ({
    cells: [
      whole(record.step),
      ...figures.map(({ key }) => number(record[key], (value) => fixed(inPoints(value), 1))),
      number(record.heldOutLoss, (value) => fixed(value, 3)),
      record.step === report.step ? "kept" : "",
    ],
    ...(record.step === report.step && { tone: "strong" }),
  });
  const columns = numberColumns("step", [...figures.map(({ title }) => title), "loss"]);
  const left = shown.length < all.length ? [`${counted(all.length, "evaluation")} in all.`] : [];
  return {
    caption: report.selection === null ? "Evaluations" : `Evaluations on ${report.selection.title}`,
    columns: [...columns, { label: "", align: "left" }],
    rows: shown.map(rowOf),
    notes: [...left, "Figures are in points from 0 to 100."],
  };
}

function evaluationsOf(run: string) {
  return recordsOf(run).filter(({ heldOutScore }) => typeof heldOutScore === "number");
}

/** What the page of a fine-tuning and that of several seeds begin with. */
interface Origin extends Pick<RunReport, "model" | "teacher" | "trainExamples" | "skippedRows" | "selection"> {}

/** What a fine-tuning was made from. */
export function originFacts({ model, teacher, trainExamples, skippedRows, selection }: Origin): Fact[] {
  return [
    ["started from", model],
    ...(teacher === null ? [] : [["teacher", teacher] as const]),
    ["trained on", counted(trainExamples, "example")],
    ...(selection === null ? [] : [["evaluated meanwhile on", counted(selection.exampleCount, "other")] as const]),
    ...(skippedRows > 0 ? [["left out", counted(skippedRows, "row")] as const] : []),
  ];
}

/** Values of a recipe that only tasks of a kind depend on. */
const KIND_KEYS: Readonly<Record<LabelledKind, readonly string[]>> = {
  classification: [],
  regression: [],
  "question-answering": ["windowStride", "maxAnswerLength", "nBest", "nullThreshold"],
};
const TEACHER_KEYS = ["alphaHard", "alphaSoft", "temperature"];

/** The recipe's values, but those that nothing came to depend on. */
export function recipeFacts({ recipe, teacher, task }: Pick<RunReport, "recipe" | "teacher" | "task">): Fact[] {
  const idle = new Set([
    ...["kind", recipe.steps === null ? "steps" : "epochs"],
    ...LABELLED_KINDS.flatMap((kind) => (kind === task.kind ? [] : KIND_KEYS[kind])),
    ...(task.hasUnanswerable ? [] : ["nullThreshold"]),
    ...(teacher === null ? TEACHER_KEYS : []),
  ]);
  return Object.entries(recipe)
    .filter(([key]) => !idle.has(key))
    .map(([key, value]) => [key, value === null ? ABSENT : String(value)]);
}
