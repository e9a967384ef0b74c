import { type Command, Option } from "commander";
import { ConfigError } from "../../errors.js";
import type { ExportResult } from "../../export/export.js";
import type { TaskCheck } from "../../export/task-check.js";
import { MODEL_DTYPES, type ModelDType } from "../../infer/model-files.js";
import { PIPELINE_TASKS, type PipelineTask } from "../../kinds/kinds.js";
import { useThreads } from "../../processor.js";
import { formatBytes, percent, whole } from "../../quantities.js";
import { openDisplay } from "../display/display.js";
import { addPrintFlags, numberFrom, type PrintFlags, wholeNumber } from "../flags/options.js";

interface ExportFlags extends PrintFlags {
  model: string;
  out: string;
  task?: PipelineTask;
  dtype: ModelDType[];
  trimVocab?: string[];
  text?: string[];
  check?: string;
  data?: string;
  checkExamples?: number;
  maxDrop: number;
  force?: boolean;
  threads?: number;
}

export function registerExport(program: Command): void {
  const command = program
    .command("export")
    .summary("write a model as ONNX, for browsers, phones and servers")
    .description(
      "Writes a model folder with its ONNX files in onnx/: transformers.js, Python's transformers and ONNX Runtime load it as it is. Every file is run and compared with Limbeck's own forward pass before the folder is put in place.",
    )
    .optionsGroup("What:")
    .requiredOption("--model <model>", "a model folder or a Hub id")
    .requiredOption("--out <dir>", "a new folder")
    .addOption(
      new Option("--task <task>", "what the model is for (default: what its head is for); embed needs no head").choices(
        PIPELINE_TASKS,
      ),
    )
    .addOption(
      new Option(
        "--dtype <dtype...>",
        "fp32: model.onnx; fp16: model_fp16.onnx; int8: model_quantized.onnx and model_ort_quantized.onnx, the latter for ONNX Runtime alone and faster on CPUs",
      )
        .choices(MODEL_DTYPES)
        .default(MODEL_DTYPES, "all"),
    )
    .option(
      "--trim-vocab <corpus...>",
      "keep only the word pieces that these files or folders use, and single characters",
    );
  addCheckFlags(command);
  command
    .optionsGroup("Where it runs:")
    .option("--threads <n>", "threads of the engine (default: the physical cores)", wholeNumber(1));
  addPrintFlags(command).addHelpText("after", EXAMPLES).action(run);
}

function addCheckFlags(command: Command): Command {
  return command
    .optionsGroup("What it may cost:")
    .option("--text <corpus...>", "compare the files on this text (default: passages that come with Limbeck)")
    .option("--check <task>", "the published task that the model was fine-tuned on: its score must not fall")
    .option("--data <dir>", "the task's folder, or one that holds it")
    .option("--check-examples <n>", "check on so many examples of a split (default: all)", wholeNumber(1))
    .option("--max-drop <share>", "the share of the score that a file may lose", numberFrom(0, 1), 0.01)
    .option("--force", "write files that lose more, too");
}

const EXAMPLES = `
Examples:
  $ limbeck export --model run/model --out student-onnx
  $ limbeck export --model sst2/model --out sst2-onnx --dtype int8 --check sst2 --data glue
  $ limbeck export --model run/model --out mail-onnx --task embed --trim-vocab mails/

In transformers.js: pipeline(TASK, FOLDER, { dtype: "fp32" | "fp16" | "q8" }), with model_file_name: "model_ort" and q8
for the faster file. Int8 rounds inputs as they come; nothing is calibrated. "difference" is the largest of any output.`;

async function run(flags: ExportFlags): Promise<void> {
  useThreads(flags.threads);
  const { exportModel } = await import("../../export/export.js");
  using display = openDisplay(flags);
  const result = await exportModel({
    ...flags,
    dtypes: flags.dtype,
    check: checkOf(flags),
    onProgress: (line) => display.log(line),
  });
  display[Symbol.dispose]();
  process.stdout.write(flags.json ? `${JSON.stringify(result, null, 2)}\n` : await resultText(result));
}

/** @throws ConfigError when flags are missing or do not go together */
function checkOf({ check, data, checkExamples }: ExportFlags): TaskCheck | null {
  if (check !== undefined) return { task: check, data, examples: checkExamples };
  const idle = data !== undefined ? "--data" : checkExamples !== undefined ? "--check-examples" : null;
  if (idle === null) return null;
  throw new ConfigError(`${idle}: expected it with --check TASK, which it is for. Name the task.`);
}

async function resultText({ out, task, vocabulary, comparedOn, check, files }: ExportResult): Promise<string> {
  const { differenceWords } = await import("../../export/difference.js");
  const { formatRows } = await import("../../pages/table.js");
  const rows = files.map(({ name, bytes, difference, score }) => ({
    cells: [`onnx/${name}`, formatBytes(bytes), differenceWords(difference), score?.toFixed(4) ?? ""],
  }));
  const labels = ["file", "size", "difference", ...(check === null ? [] : [check.task])];
  const columns = labels.map((label) => ({ label, align: "left" as const }));
  const isTrimmed = vocabulary.after < vocabulary.before;
  const trimmed = `${whole(vocabulary.after)} of ${whole(vocabulary.before)} word pieces; [UNK] ${percent(comparedOn.unknown, 2)}, before ${percent(comparedOn.unknownBefore, 2)}`;
  return [
    ...formatRows({ columns, rows }),
    "",
    `compared on ${whole(comparedOn.tokens)} tokens of ${comparedOn.source}`,
    ...(check === null ? [] : [`${check.task} by Limbeck's own: ${check.score.toFixed(4)}`]),
    ...(isTrimmed ? [trimmed] : []),
    `${out} is for ${task}`,
    "",
  ].join("\n");
}
