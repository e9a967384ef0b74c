import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Task } from "../../kinds/task.js";
import { readRunReport } from "../../tasks/run-report.js";
import { provenance } from "../provenance.js";
import { writeReport } from "../write.js";
import { finetuneDocument } from "./finetune-document.js";

/**
 * Writes a finished fine-tuning's report.html beside its report.json, which is told how the run came to be. A run that
 * has its page keeps it: it tells of the command that made it, not of one that found it finished.
 *
 * @throws FormatError when the run is not finished
 * @throws StorageError when the disk is full
 */
export function writeFinetuneReport(run: string, { task, command }: { task: Task; command: string | null }): void {
  if (existsSync(join(run, "report.html"))) return;
  const report = readRunReport(run);
  const document = finetuneDocument(run, report, task, provenance({ command, seeds: [report.seed] }));
  writeReport(run, report, document);
}
