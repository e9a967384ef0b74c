import { existsSync } from "node:fs";
import { relative } from "node:path";
import type { Command } from "commander";
import type { DemoModel, DemoResult } from "../../demo/demo.js";
import { EMBEDDED_TEACHER } from "../../hub/embedded-teacher.js";
import { formatRows, numberColumns } from "../../pages/table.js";
import { useThreads } from "../../processor.js";
import { duration, percent, short } from "../../quantities.js";
import { openDisplay } from "../display/display.js";
import { commandLine } from "../display/output.js";
import { watchRun } from "../display/run-display.js";
import { numberFrom, type PrintFlags, wholeNumber } from "../flags/options.js";
import { stopRequested } from "../interrupts.js";

interface DemoFlags extends PrintFlags {
  teacher?: string;
  corpus?: string[];
  out?: string;
  seconds: number;
  threads?: number;
}

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .summary("distil the teacher that comes with Limbeck, in minutes")
    .description(
      "Distils a teacher to half its layers on English text of this machine (documentation), beside a control of the same shape that learns for the same steps without the teacher, and compares them.",
    )
    .option("--teacher <model>", "a model folder or a Hub id (default: the small teacher that comes with Limbeck)")
    .option("--corpus <path...>", "text to distil on, as for prepare (default: documentation on this machine)")
    .option("--out <dir>", "a new folder (default: runs/demo-1, -2, …)")
    .option("--seconds <s>", "training time of student and control together", numberFrom(1), 150)
    .option("--threads <n>", "threads of the engine (default: the physical cores)", wholeNumber(1))
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "no progress, only the result")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", "\nExample:\n  $ limbeck demo --corpus my-texts/ --seconds 600")
    .action(run);
}

async function run(flags: DemoFlags): Promise<void> {
  useThreads(flags.threads);
  const startMs = performance.now();
  const { demo } = await import("../../demo/demo.js");
  const { showHeldOut } = await import("../flags/session.js");
  using display = openDisplay(flags);
  const { onProgress } = watchRun(display);
  const result = await demo({
    teacher: flags.teacher ?? EMBEDDED_TEACHER,
    corpus: flags.corpus ?? [],
    out: flags.out ?? newFolder(),
    trainingSeconds: flags.seconds,
    device: "cpu",
    command: commandLine(),
    observer: showHeldOut(display),
    onProgress,
    say: (line) => display.log(line),
    signal: stopRequested(),
  });
  display[Symbol.dispose]();
  if (flags.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else
    process.stdout.write(
      `\n${[...lines(result, flags.teacher), "", `It took ${duration((performance.now() - startMs) / 1000)}.`].join("\n")}\n`,
    );
}

function newFolder(): string {
  for (let n = 1; ; n++) if (!existsSync(`runs/demo-${n}`)) return `runs/demo-${n}`;
}

function lines(result: DemoResult, teacher: string | undefined): string[] {
  const from = teacher === undefined ? "" : ` --teacher ${teacher}`;
  return [
    ...table(result.models),
    "",
    keptSentence(result.accuracyKept),
    ...comparison(result.models),
    "",
    "What they put at [MASK]:",
    ...result.filled.flatMap(({ text, teacher, student }) => [
      `  ${text.replace(/ ([.,])/g, "$1")}`,
      `    teacher  ${teacher.join(", ")}`,
      `    student  ${student.join(", ")}`,
    ]),
    "",
    `Everything is in ${result.run}: the student in ${result.student}, a folder that Hugging Face's tools load;`,
    `curves for TensorBoard in ${result.run}/student; all figures in ${result.run}/report.json.`,
    "",
    "See them side by side in your browser:",
    `  npx limbeck playground --model ${result.student} --compare ${teacher ?? relative(".", EMBEDDED_TEACHER)}`,
    "",
    "What to try next:",
    `  npx limbeck export --model ${result.student} --out ${result.run}/onnx`,
    `  npx limbeck distill${from} --data ${result.run}/data --out runs/longer --set steps=3000`,
    "  npx limbeck prepare YOUR-TEXT --tokenizer YOUR-BERT --out data",
    "  npx limbeck distill --teacher YOUR-BERT --data data --out run",
  ];
}

function keptSentence(kept: number | null): string {
  if (kept === null) return "The teacher is never right on this text: there is nothing to keep.";
  const why = kept > 1 ? " It has read text of this kind by now, which its teacher may never have." : "";
  return `The student keeps ${percent(kept)} of its teacher's masked-token accuracy on text neither was shown.${why}`;
}

function comparison(models: readonly DemoModel[]): string[] {
  const student = models.find(({ name }) => name === "student after");
  const control = models.find(({ name }) => name === "control");
  if (student === undefined || control === undefined) return [];
  const [ours, theirs] = [percent(student.heldOut.accuracy), percent(control.heldOut.accuracy)];
  return [`The control, trained for as many steps without the teacher, reaches ${theirs}; the student ${ours}.`];
}

function table(models: readonly DemoModel[]): string[] {
  const best = Math.max(...models.map(({ heldOut }) => heldOut.accuracy));
  const labels = ["layers", "parameters", "in f32", "CPU/sentence", "held-out accuracy"];
  const rows = models.map(({ name, layers, parameters, bytes, cpuMsPerSentence, heldOut }) => ({
    cells: [
      name,
      String(layers),
      short(parameters),
      `${(bytes / 1e6).toFixed(1)} MB`,
      `${cpuMsPerSentence.toFixed(1)} ms`,
      percent(heldOut.accuracy),
      "█".repeat(Math.round((20 * heldOut.accuracy) / best)),
    ],
  }));
  return formatRows({ columns: [...numberColumns("", labels), { label: "", align: "left" }], rows });
}
