import { type Command, Option } from "commander";
import type { ExportTask } from "../export/heads.js";
import { printResult } from "./output.js";
import { addPrintFlags, type PrintFlags } from "./run-flags.js";

interface ExportFlags extends PrintFlags {
  model: string;
  out: string;
  task?: ExportTask;
}

export function registerExport(program: Command): void {
  const command = program
    .command("export")
    .summary("write a model as ONNX, for browsers, phones and servers")
    .description("Writes a model folder with ONNX files in onnx/, in the layout of transformers.js.")
    .optionsGroup("What:")
    .requiredOption("--model <model>", "a model folder or a Hub id")
    .requiredOption("--out <dir>", "a new folder")
    .addOption(
      new Option("--task <task>", "what the model is for (default: what its head is for)").choices([
        "fill-mask",
        "classify",
        "question-answer",
        "embed",
      ]),
    );
  addPrintFlags(command).action(run);
}

async function run(flags: ExportFlags): Promise<void> {
  const { exportModel } = await import("../export/export.js");
  const result = await exportModel({ model: flags.model, out: flags.out, task: flags.task ?? null });
  printResult(result, { json: flags.json, lines: [["model", result.out]] });
}
