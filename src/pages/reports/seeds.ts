import { inPoints } from "../../experiments/task-runs.js";
import { counted, fixed, plusMinus, whole } from "../../quantities.js";
import type { ReportOf } from "../../runs/report.js";
import type { Block, ReportDocument } from "../document.js";
import { numberColumns, type Row, type Table } from "../table.js";
import { courseBlocks, curveOf, figureCurve } from "./courses.js";
import { originFacts, recipeFacts } from "./finetune.js";
import { capital, evaluatedFigures, resultFigures, scoreWords, spreadCells } from "./scores.js";

type SeedsReport = ReportOf<"finetune-seeds">;

/** The report of a fine-tuning with several seeds, to be read. */
export function seedsDocument(report: SeedsReport): ReportDocument {
  const { task, score, seeds, best, runs, provenance } = report;
  const [first] = runs;
  const [middle, spread] = [fixed(inPoints(score.median), 1), deviationWords(score.deviation)];
  return {
    title: `Fine-tuned on ${task.title} with ${counted(seeds.length, "seed")}`,
    summary: `The median of ${counted(seeds.length, "seed")} is ${middle}${spread === "" ? "" : ` ${spread}`} (${scoreWords(task)}). The model that is kept is that of seed ${best}, the best.`,
    highlights: [
      { label: "Median", value: middle, note: spread || "one seed" },
      { label: "Best", value: fixed(inPoints(score.most), 1), note: `seed ${best}` },
      { label: "Least", value: fixed(inPoints(score.least), 1), note: "" },
    ],
    blocks: [
      { kind: "table", table: seedTable(report) },
      { kind: "table", table: spreadTable(report) },
      ...trainingBlocks(report),
      {
        kind: "facts",
        title: "What they were made from",
        facts: first === undefined ? [] : originFacts({ ...report, ...first, model: report.startedFrom }),
      },
      {
        kind: "facts",
        title: "The recipe, but for the seed",
        facts: recipeFacts(report).filter(([key]) => key !== "seed"),
      },
    ],
    seeds,
    provenance,
  };
}

function deviationWords(deviation: number | null): string {
  return plusMinus(deviation === null ? null : inPoints(deviation), 1);
}

function seedTable({ runs, seeds, best }: SeedsReport): Table {
  const titles = resultFigures(runs[0] ?? { metrics: {} }).map(({ title }) => title);
  const columns = numberColumns("seed", [...titles, "after step"]);
  return {
    caption: "By seed",
    columns: [...columns, { label: "", align: "left" }],
    rows: runs.map((run, i): Row => {
      const values = resultFigures(run).map(({ value }) => fixed(value, 1));
      const isBest = seeds[i] === best;
      return {
        cells: [String(seeds[i]), ...values, whole(run.step), isBest ? "kept" : ""],
        ...(isBest && { tone: "strong" }),
      };
    }),
    notes: ["Figures are in points from 0 to 100."],
  };
}

function spreadTable({ runs }: SeedsReport): Table {
  const byRun = runs.map(resultFigures);
  const rows = (byRun[0] ?? []).map(({ title }, i): Row => {
    return { cells: [title, ...spreadCells(byRun.map((figures) => figures[i]?.value ?? Number.NaN))] };
  });
  return {
    caption: "Over the seeds",
    columns: numberColumns("", ["Median", "Mean", "Least", "Most"]),
    rows,
    notes: ["Mean ± sample standard deviation."],
  };
}

function trainingBlocks({ runs, seeds }: SeedsReport): Block[] {
  const figures = evaluatedFigures(runs[0]?.run ?? "");
  const lines = (points: (run: string) => ReturnType<typeof figureCurve>) =>
    runs.map(({ run }, i) => ({ label: `seed ${seeds[i]}`, points: points(run) }));
  return courseBlocks("The course of training", [
    ...figures.map(({ key, title }) => ({
      title: capital(title),
      yLabel: "points",
      series: lines((run) => figureCurve(run, key)),
    })),
    { title: "Evaluation loss", yLabel: "loss", series: lines((run) => curveOf(run, "heldOutLoss")) },
    { title: "Training loss", yLabel: "loss", series: lines((run) => curveOf(run, "loss")) },
  ]);
}
