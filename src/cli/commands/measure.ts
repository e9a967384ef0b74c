import { type Command, Option } from "commander";
import type { MeasurePrecision } from "../../experiments/measure/measure-subjects.js";
import type { MeasureProgress } from "../../experiments/measure/timing.js";
import { useThreads } from "../../processor.js";
import { whole } from "../../quantities.js";
import { openDisplay, type ProgressView } from "../display/display.js";
import { commandLine } from "../display/output.js";
import { type PrintFlags, wholeNumber } from "../flags/options.js";
import { stopRequested } from "../interrupts.js";

interface MeasureFlags extends PrintFlags {
  shape?: string[];
  data?: string;
  pairs?: number;
  tokenizer?: string;
  precision: MeasurePrecision;
  runtime: "torch" | "onnx" | "both";
  batches?: number;
  threads?: number;
  out?: string;
}

export function registerMeasure(program: Command): void {
  program
    .command("measure")
    .summary("parameters, bytes and CPU time: the paper's Table 3")
    .description(
      "Measures models, and published shapes without their weights: parameters, bytes, and the time of a full pass over STS-B's dev set at batch size 1 through the encoder (and its pooler), as the paper's Table 3. With neither MODEL nor --shape, the three shapes of that table.",
    )
    .argument("[model...]", "model folders or Hub ids, with whatever head")
    .option(
      "--shape <name>",
      "a published shape with random weights: bert-base, distilbert-base, elmo; repeatable",
      collect,
    )
    .option("--data <dir>", "STS-B's folder, or GLUE's (default: made-up pairs of the same lengths)")
    .option("--pairs <n>", "measure so many pairs, evenly spread (default: all)", wholeNumber(1))
    .option(
      "--tokenizer <model>",
      "whose word pieces shapes read (default: those of the teacher that comes with Limbeck)",
    )
    .addOption(
      new Option("--precision <dtype>", "of matrix products").choices(["float32", "bfloat16"]).default("float32"),
    )
    .addOption(
      new Option(
        "--runtime <runtime>",
        'what runs models: libtorch, ONNX Runtime (the files that "limbeck export" wrote: fp32, int8, and fp16 where that is faster), or both, side by side',
      )
        .choices(["torch", "onnx", "both"])
        .default("torch"),
    )
    .option(
      "--batches <n>",
      "full batches of 32 x 128 tokens that are timed for throughput (default: 3 with ONNX Runtime, else 0)",
      wholeNumber(0),
    )
    .option("--threads <n>", "threads of the engine (default: the physical cores)", wholeNumber(1))
    .option("--out <dir>", "write report.json and report.html there")
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress, only the result")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

const EXAMPLES = `
Examples:
  $ limbeck measure TEACHER run/model --shape bert-base --data glue --pairs 200
  $ limbeck measure exported-teacher exported-student --runtime both --data glue --out latency`;

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function run(models: string[], flags: MeasureFlags): Promise<void> {
  useThreads(flags.threads);
  const { measure } = await import("../../experiments/measure/measure.js");
  const { documentOf, reportText, writePage } = await import("../../pages/reports/reports.js");
  using display = openDisplay(flags);
  const { shape: shapes, json, ...options } = flags;
  const report = await measure({
    ...{ ...options, models, shapes },
    command: commandLine(),
    onOpening: (what) =>
      display.progress({ fraction: null, parts: [{ text: `opening ${what}`, rank: 9 }], etaSeconds: null }),
    onStart: (what) => display.log(`measuring ${what}`),
    onProgress: (state) => display.progress(viewOf(state)),
    signal: stopRequested(),
  });
  display[Symbol.dispose]();
  const document = flags.out === undefined ? documentOf(report, ".") : writePage(flags.out, report);
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(document));
}

function viewOf({ name, pairsDone, pairs, fraction, etaSeconds }: MeasureProgress): ProgressView {
  const parts = [
    { text: name, rank: 7 },
    { text: `pair ${whole(pairsDone)} of ${whole(pairs)}`, rank: 6 },
  ];
  return { fraction, parts, etaSeconds };
}
