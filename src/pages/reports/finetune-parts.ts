import { inPoints } from "../../experiments/task-runs.js";
import type { LabelledKind } from "../../kinds/kinds.js";
import type { Task, Tasks } from "../../kinds/task.js";
import { ABSENT, counted } from "../../quantities.js";
import type { RunReport } from "../../tasks/run-report.js";
import type { CurveChart, Fact } from "../document.js";
import { curveOf, recordsOf } from "../training-curves.js";
import { metricTitle, splitTitle } from "./score-words.js";

// What the page of a fine-tuning and that of several seeds have in common.

type Curve = CurveChart["series"][number]["points"];

/** An evaluation's figures in metrics.jsonl, beside its loss and the score that they make. */
const FIGURE = /^heldOut(?!Loss$|Score$)(?<name>.+?)(?<set>Matched|Mismatched)?$/;

/** What a fine-tuning was made from. */
export function originFacts({ model, teacher, trainExamples, skippedRows, selection }: RunReport): Fact[] {
  return [
    ["started from", model],
    ...(teacher === null ? [] : [["teacher", teacher] as const]),
    ["trained on", counted(trainExamples, "example")],
    ...(selection === null ? [] : [["evaluated meanwhile on", counted(selection.exampleCount, "other")] as const]),
    ...(skippedRows > 0 ? [["left out", counted(skippedRows, "row")] as const] : []),
  ];
}

/** What only answers, or only a teacher, have to do with. */
const ANSWER_KEYS = ["windowStride", "maxAnswerLength", "nBest", "nullThreshold"];
const IDLE_KEYS: { readonly [K in LabelledKind]: (task: Tasks[K]) => readonly string[] } = {
  classification: () => ANSWER_KEYS,
  regression: () => ANSWER_KEYS,
  "question-answering": ({ hasUnanswerable }) => (hasUnanswerable ? [] : ["nullThreshold"]),
};
const TEACHER_KEYS = ["alphaHard", "alphaSoft", "temperature"];

/** The recipe's values, but those that nothing came to depend on. */
export function recipeFacts({ recipe, teacher }: RunReport, task: Task): Fact[] {
  const idleKeys = IDLE_KEYS[task.kind] as (task: Task) => readonly string[]; // It is of its kind.
  const idle = new Set([
    ...["kind", recipe.steps === null ? "steps" : "epochs"],
    ...idleKeys(task),
    ...(teacher === null ? TEACHER_KEYS : []),
  ]);
  const names = Object.keys(recipe).filter((key) => !idle.has(key));
  return names.map((key) => [key, recipe[key] === null ? ABSENT : String(recipe[key])]);
}

/** A result's figure, in points. */
export interface Figure {
  /** "F1", "accuracy, matched". */
  readonly title: string;
  readonly value: number;
}

/** What was evaluated in the end, in the order of the report. */
export function resultFigures({ metrics }: Pick<RunReport, "metrics">): Figure[] {
  return Object.entries(metrics).flatMap(([split, named]) =>
    Object.entries(named).map(([name, value]) => ({
      title: [metricTitle(name), splitTitle(split)].filter((word) => word !== "").join(", "),
      value: inPoints(value),
    })),
  );
}

/** "Accuracy". */
export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The figures of a run's evaluations by their keys in metrics.jsonl, and as tables say them. */
export function evaluatedFigures(run: string): { key: string; title: string }[] {
  const keys = new Set(recordsOf(run).flatMap((record) => Object.keys(record)));
  return [...keys].flatMap((key) => {
    const { name, set } = FIGURE.exec(key)?.groups ?? {};
    if (name === undefined) return [];
    const title = metricTitle(name.charAt(0).toLowerCase() + name.slice(1));
    return [{ key, title: set === undefined ? title : `${title}, ${set.toLowerCase()}` }];
  });
}

/** A figure over the steps, in points. */
export function figureCurve(run: string, key: string): Curve {
  return curveOf(run, key).map(([step, value]) => [step, inPoints(value)] as const);
}

/** Charts over the steps; a line needs two points, and a chart a line. */
export function stepCharts(
  charts: readonly (Pick<CurveChart, "title" | "yLabel"> & { readonly series: CurveChart["series"] })[],
): CurveChart[] {
  return charts.flatMap(({ title, yLabel, series }) => {
    const drawn = series.filter(({ points }) => points.length > 1);
    const description = `${title}, by optimizer step.`;
    return drawn.length === 0 ? [] : [{ title, description, xLabel: "step", yLabel, series: drawn }];
  });
}
