import { PAPER_GLUE, paperKey } from "../../experiments/paper.js";
import { medianIndex } from "../../experiments/statistics.js";
import { inPoints } from "../../experiments/task-runs.js";
import { mean } from "../../numbers.js";
import { ABSENT, counted, fixed, listed, percent, plusMinus } from "../../quantities.js";
import type { ModelScores, ReportOf } from "../../runs/report.js";
import type { BarChart, Block, Highlight, ReportDocument, ScatterChart } from "../document.js";
import { type Cell, numberColumns, type Row, type Table } from "../table.js";
import { courseBlocks, curveOf } from "./courses.js";
import { figureTitle, missingWords, presentTasks, scoresWords, spreadCells } from "./scores.js";

type GlueReport = ReportOf<"glue">;
type ModelTask = ModelScores["tasks"][number];

/** The report of `glue`, to be read. */
export function glueDocument(report: GlueReport): ReportDocument {
  const { tasks, seeds, provenance } = report;
  const models = modelsOf(report);
  return {
    title:
      report.teacher === null
        ? `${report.student.name} on GLUE`
        : `${report.student.name} and ${report.teacher.name} on GLUE`,
    summary: summaryOf(report),
    highlights: highlightsOf(report),
    blocks: [
      { kind: "table", table: scoreTable(report) },
      { kind: "bars", chart: scoreBars(models, tasks) },
      ...latencyBlocks(models),
      { kind: "table", table: metricTable(models, tasks) },
      ...lossBlocks(models, tasks),
    ],
    seeds,
    provenance,
  };
}

function modelsOf({ student, teacher }: GlueReport): ModelScores[] {
  return teacher === null ? [student] : [student, teacher];
}

function summaryOf({ student, teacher, kept, seeds }: GlueReport): string {
  const over = `over ${counted(student.tasks.length, "GLUE task")}, median of ${counted(seeds.length, "seed")}`;
  const score = `${student.name} scores ${fixed(student.macro, 1)} ${over}.`;
  if (teacher === null || kept === null) return score;
  return `${student.name} keeps ${percent(kept.macro)} of the score of ${teacher.name}: ${fixed(student.macro, 1)} of ${fixed(teacher.macro, 1)} ${over}.`;
}

function highlightsOf(report: GlueReport): Highlight[] {
  const spreadNote = ({ macroSpread: { deviation, count } }: ModelScores) =>
    deviation === null ? "one seed" : `${plusMinus(deviation, 1)} over ${count} seeds`;
  const scores = modelsOf(report).map((scores) => ({
    label: `Score of ${scores.name}`,
    value: fixed(scores.macro, 1),
    note: spreadNote(scores),
  }));
  if (report.kept === null) return scores;
  return [{ label: "Kept of the teacher", value: percent(report.kept.macro), note: "the paper: 97 %" }, ...scores];
}

/** The paper's Table 1, row for row. */
function scoreTable({ student, teacher, kept, seeds, tasks }: GlueReport): Table {
  const rowOf = ({ name, macro, tasks: own }: ModelScores, tone?: Row["tone"]): Row => ({
    cells: [name, fixed(macro, 1), ...tasks.map((task) => scoreCell(own.find((one) => one.task === task.name)))],
    ...(tone && { tone }),
  });
  const share = (value: number | undefined) => (value === undefined ? ABSENT : fixed(100 * value, 1));
  const shares = (): Row => ({
    cells: ["kept, %", share(kept?.macro), ...tasks.map(({ name }) => share(kept?.tasks[name]))],
  });
  return {
    caption: `Scores on the development sets, median of ${counted(seeds.length, "seed")}`,
    columns: numberColumns("", ["Score", ...tasks.map(({ title }) => title)]),
    rows: [
      ...(teacher === null ? [] : [rowOf(teacher)]),
      rowOf(student, "strong"),
      ...(teacher === null ? [] : [shares()]),
      ...paperRows(tasks),
    ],
    notes: [...scoreNotes(tasks), ...paperNotes(tasks)],
  };
}

function scoreCell(task: ModelTask | undefined): Cell {
  return task === undefined ? ABSENT : fixed(task.score.median, 1);
}

/** The paper's rows, of the tasks that were run; its score is over the same, so that it can be compared. */
function paperRows(tasks: GlueReport["tasks"]): Row[] {
  const compared = comparedTasks(tasks);
  if (compared.length === 0) return [];
  return PAPER_GLUE.map((paper) => {
    const values = compared.map(({ name }) => paper.tasks[paperKey(name)] ?? Number.NaN);
    const score = compared.length === Object.keys(paper.tasks).length ? paper.score : mean(values);
    const cells = tasks.map(({ name }) => {
      const value = paper.tasks[paperKey(name)];
      return value === undefined ? ABSENT : fixed(value, 1);
    });
    return { cells: [`paper: ${paper.name}`, fixed(score, 1), ...cells], tone: "muted" };
  });
}

function comparedTasks(tasks: GlueReport["tasks"]): GlueReport["tasks"] {
  const [paper] = PAPER_GLUE;
  return tasks.filter(({ name, task }) => task !== null && paper?.tasks[paperKey(name)] !== undefined);
}

function scoreNotes(tasks: GlueReport["tasks"]): string[] {
  const present = presentTasks(tasks);
  const missing = missingWords(tasks);
  const notes = [
    `Score: the mean over ${counted(present.length, "task")} of each task's own score: ${scoresWords(present)}.`,
  ];
  if (missing !== "") notes.push(`No data was found for ${missing}: the score is without what is missing.`);
  return notes;
}

function paperNotes(tasks: GlueReport["tasks"]): string[] {
  const compared = comparedTasks(tasks).length;
  if (compared === 0) return [];
  const source = "Paper: Sanh et al. 2019, Table 1";
  if (compared < 9) {
    const printed = PAPER_GLUE.map(({ name, score }) => `${fixed(score, 1)} for ${name}`);
    return [
      `${source}; its score here is the mean over the same ${counted(compared, "task")}. Over all nine it prints ${listed(printed)}.`,
    ];
  }
  return [`${source}, as printed; the mean of the nine figures in its BERT-base row is 79.7.`];
}

function scoreBars(models: readonly ModelScores[], tasks: GlueReport["tasks"]): BarChart {
  return {
    title: "Score by task",
    description: "Median over seeds; the error bars reach one standard deviation to each side.",
    series: models.map(({ name }) => name),
    decimals: 1,
    isSigned: false,
    referenceLabel: null,
    groups: tasks
      .filter(({ task }) => task !== null)
      .map(({ name, title }) => ({
        label: title,
        reference: null,
        bars: models.map((model) => {
          const score = model.tasks.find(({ task }) => task === name)?.score;
          return score ? { value: score.median, spread: score.deviation, note: "", isMuted: false } : null;
        }),
      })),
  };
}

/** Every metric that was measured, by split. */
function metricTable(models: readonly ModelScores[], tasks: GlueReport["tasks"]): Table {
  const rows = presentTasks(tasks).flatMap(({ name, title, evaluationSplits, metrics }) =>
    evaluationSplits.flatMap((split) =>
      metrics.flatMap((metric) =>
        models.map((model): Row => {
          const runs = model.tasks.find(({ task }) => task === name)?.runs ?? [];
          const values = runs.flatMap(({ metrics }) => metrics[split]?.[metric] ?? []).map(inPoints);
          return {
            cells: [title, figureTitle(metric, split), model.name, ...spreadCells(values), String(values.length)],
          };
        }),
      ),
    ),
  );
  const columns = [
    ...["Task", "Metric", "Model"].map((label) => ({ label, align: "left" as const })),
    ...["Median", "Mean", "Least", "Most", "Seeds"].map((label) => ({ label, align: "right" as const })),
  ];
  return {
    caption: "Every metric, over the seeds",
    columns,
    rows,
    notes: ["Mean ± sample standard deviation; all in points from 0 to 100."],
  };
}

function latencyBlocks(models: readonly ModelScores[]): Block[] {
  const points = models.flatMap(({ name, macro, macroSpread, latencyMs }): ScatterChart["points"] =>
    latencyMs === null ? [] : [{ label: name, x: latencyMs, y: macro, spread: macroSpread.deviation }],
  );
  if (points.length === 0) return [];
  const chart: ScatterChart = {
    title: "Quality against latency",
    description:
      "Up is better, left is faster. Time of a pair of sentences as long as STS-B's through the encoder at batch size 1, on a CPU; the error bars reach one standard deviation over seeds to each side.",
    xLabel: "milliseconds a pair",
    yLabel: "score",
    points,
  };
  return [{ kind: "scatter", chart }];
}

/** The training loss on each task, of the run whose score is the median. */
function lossBlocks(models: readonly ModelScores[], tasks: GlueReport["tasks"]): Block[] {
  const charts = tasks.map(({ name, title }) => {
    const series = models.map((model) => {
      const runs = model.tasks.find(({ task }) => task === name)?.runs ?? [];
      const run = runs[medianIndex(runs.map(({ score }) => score))];
      return { label: model.name, points: run === undefined ? [] : curveOf(run.run, "loss") };
    });
    return {
      title,
      description: `Training loss on ${title} over the optimizer steps.`,
      yLabel: "training loss",
      series,
    };
  });
  return courseBlocks("Training loss, of the runs with the median score", charts);
}
