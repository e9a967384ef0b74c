import { ABSENT, counted, fixed, listed, plusMinus, signed } from "../../quantities.js";
import type { ReportOf, VariantResult } from "../../runs/report.js";
import type { BarChart, Block, Highlight, ReportDocument } from "../document.js";
import { type Cell, numberColumns, type Row, type Table } from "../table.js";
import { courseBlocks, curveOf } from "./courses.js";
import { missingWords, presentTasks, scoresWords } from "./scores.js";

type AblateReport = ReportOf<"ablate">;

/** The report of `ablate`, to be read. */
export function ablateDocument(report: AblateReport): ReportDocument {
  return {
    title: "What each part of the loss gives",
    summary: summaryOf(report),
    highlights: highlightsOf(report),
    blocks: [
      { kind: "bars", chart: changeBars(report) },
      { kind: "table", table: changeTable(report) },
      { kind: "table", table: taskTable(report) },
      ...heldOutBlocks(report),
      settingsBlock(report),
    ],
    seeds: report.seeds,
    provenance: report.provenance,
  };
}

function summaryOf({ variants }: AblateReport): string {
  const changed = variants.filter(({ change }) => change !== null);
  const clear = changed.filter(({ change }) => change?.isWithinNoise === false);
  const noise = changed.filter(({ change }) => change?.isWithinNoise === true);
  if (clear.length + noise.length === 0) return "One run each: what is noise in these differences is not known.";
  const words = clear
    .toSorted((a, b) => (a.change?.mean ?? 0) - (b.change?.mean ?? 0))
    .map(({ title, change }) => `${title} ${signed(change?.mean ?? 0, 2)}`);
  const told =
    words.length > 0
      ? `Against the full triple loss: ${listed(words)} points.`
      : "No difference stands out from noise.";
  const rest = noise.length > 0 && clear.length > 0 ? ` Within noise: ${listed(noise.map(({ title }) => title))}.` : "";
  return told + rest;
}

function highlightsOf({ variants }: AblateReport): Highlight[] {
  return variants.map(({ title, macro, change }) =>
    change === null
      ? { label: title, value: fixed(macro.mean, 1), note: "score, to compare with" }
      : { label: title, value: signed(change.mean, 2), note: verdict(change.isWithinNoise) || "points" },
  );
}

function verdict(isWithinNoise: boolean | null): string {
  if (isWithinNoise === null) return "one run: noise unknown";
  return isWithinNoise ? "within noise" : "";
}

function changeBars(report: AblateReport): BarChart {
  const changed = report.variants.flatMap(({ title, change, paper }) =>
    change === null ? [] : [{ title, change, paper }],
  );
  return {
    title: "Change of the score against the full triple loss",
    description: `In points. The error bars are the spread of the differences (one sample standard deviation to each side), paired by ${report.pairedBy}; a bar whose error bar reaches zero is within noise, and drawn pale.`,
    series: ["here"],
    decimals: 2,
    isSigned: true,
    referenceLabel: "the paper, with BERT-base",
    groups: changed.map(({ title, change, paper }) => ({
      label: title,
      reference: paper,
      bars: [
        {
          value: change.mean,
          spread: change.deviation,
          note: change.isWithinNoise ? "within noise" : "",
          isMuted: change.isWithinNoise !== false,
        },
      ],
    })),
  };
}

/** The paper's Table 4. */
function changeTable(report: AblateReport): Table {
  const ofAll = hasSeveral(report) ? ["Spread of all"] : [];
  const columns = [
    ...numberColumns("", ["Score", "Change", "Spread", "Std. error", ...ofAll, "Paper"]),
    { label: "", align: "left" as const },
  ];
  return {
    caption: `Change of the score, over ${counted(report.distillSeeds.length, "distillation")} of each and ${counted(report.seeds.length, "fine-tuning")} a task`,
    columns,
    rows: report.variants.map((variant) => changeRow(variant, hasSeveral(report))),
    notes: [
      ...scoreNotes(report),
      ruleOf(report),
      "Paper: Sanh et al. 2019, Table 4, the mean over GLUE's nine tasks.",
    ],
  };
}

function hasSeveral({ distillSeeds }: AblateReport): boolean {
  return distillSeeds.length > 1;
}

function changeRow({ title, macro, change, changeOfAll, paper }: VariantResult, hasSpreadOfAll: boolean): Row {
  const score: Cell = { text: fixed(macro.mean, 2), detail: plusMinus(macro.deviation, 2) };
  const shown = (value: number | null | undefined) => (value == null ? ABSENT : fixed(value, 2));
  const figures = [change?.deviation, change?.standardError, ...(hasSpreadOfAll ? [changeOfAll?.deviation] : [])];
  if (change === null) return { cells: [title, score, ABSENT, ...figures.map(shown), ABSENT, ""], tone: "strong" };
  const published = paper === null ? ABSENT : signed(paper, 2);
  return {
    cells: [title, score, signed(change.mean, 2), ...figures.map(shown), published, verdict(change.isWithinNoise)],
  };
}

function scoreNotes({ tasks }: AblateReport): string[] {
  const present = presentTasks(tasks);
  const missing = missingWords(tasks);
  const absent = missing === "" ? "" : ` No data was found for ${missing}.`;
  return [`Score: the mean over ${counted(present.length, "task")} of ${scoresWords(present)}, in points.${absent}`];
}

function ruleOf({ pairedBy, distillSeeds }: AblateReport): string {
  const rule = `Change: the mean of the differences to the full loss, paired by ${pairedBy}. Spread: their sample standard deviation. A change no larger than its spread is within noise.`;
  if (distillSeeds.length > 1) {
    return `${rule} Spread of all: that of the differences of all fine-tunings, paired by both seeds; those of one student share its distillation.`;
  }
  return `${rule} With one distillation of each, the spread does not hold how distillations differ from seed to seed.`;
}

function taskTable({ variants, tasks }: AblateReport): Table {
  return {
    caption: "Score by task",
    columns: numberColumns(
      "",
      tasks.map(({ title }) => title),
    ),
    rows: variants.map(({ title, tasks: own, change }): Row => {
      const cells = tasks.map(({ name }): Cell => {
        const spread = own[name];
        return spread === undefined ? ABSENT : { text: fixed(spread.mean, 1), detail: plusMinus(spread.deviation, 1) };
      });
      return { cells: [title, ...cells], ...(change === null && { tone: "strong" }) };
    }),
    notes: ["Mean ± sample standard deviation over all runs of a task."],
  };
}

/** The held-out loss is the one that all variants can be compared by: none trains on it, and all are asked the same. */
function heldOutBlocks({ variants }: AblateReport): Block[] {
  const lines = (key: string) =>
    variants.flatMap(({ title: label, students: [first] }) =>
      first === undefined ? [] : [{ label, points: curveOf(first.run, key) }],
    );
  return courseBlocks("The distillations", [
    { title: "Held-out masked-token loss", yLabel: "nats a masked token", series: lines("heldOutLoss") },
    { title: "Held-out masked-token accuracy", yLabel: "share of masked tokens", series: lines("heldOutAccuracy") },
  ]);
}

function settingsBlock({ teacher, recipe, distillSeeds, seeds }: AblateReport): Block {
  const { alphaCe, alphaMlm, alphaCos, temperature, steps, epochs, stepSequences, sequenceLength } = recipe;
  const length = steps === null ? counted(epochs ?? 0, "epoch") : counted(steps, "step");
  return {
    kind: "text",
    heading: "What was distilled",
    paragraphs: [
      `Each variant was distilled ${times(distillSeeds)}, and each student fine-tuned on every task ${times(seeds)}: ${counted(distillSeeds.length * seeds.length, "run")} of each variant on each task.`,
      `The teacher is ${teacher}. Every variant has the same budget: ${length} of ${counted(stepSequences, "sequence")} of up to ${counted(sequenceLength, "token")}. The full loss is ${alphaCe} L_ce + ${alphaMlm} L_mlm + ${alphaCos} L_cos at temperature ${temperature}; the weights of the losses that are kept stay as they are.`,
    ],
  };
}

/** "3 times (seeds 1, 2 and 3)". */
function times(seeds: readonly number[]): string {
  const names = `${seeds.length === 1 ? "seed" : "seeds"} ${listed(seeds.map(String))}`;
  return `${seeds.length === 1 ? "once" : `${seeds.length} times`} (${names})`;
}
