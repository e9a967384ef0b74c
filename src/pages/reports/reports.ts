import { join } from "node:path";
import type { Report } from "../../runs/report.js";
import { replaceText } from "../../storage/atomic-files.js";
import type { ReportDocument } from "../document.js";
import { renderPage } from "../page.js";
import { formatTable } from "../table.js";
import { ablateDocument } from "./ablate.js";
import { finetuneDocument } from "./finetune.js";
import { glueDocument } from "./glue.js";
import { measureDocument } from "./measure.js";
import { seedsDocument } from "./seeds.js";

/** A report that has a page. */
export type PagedReport = Exclude<Report, { kind: "evaluate" | "demo" }>;

/**
 * A report as it is read.
 *
 * @param folder where it lies; of a fine-tuning its run directory, which has the course of the training
 */
export function documentOf(report: PagedReport, folder: string): ReportDocument {
  switch (report.kind) {
    case "finetune":
      return finetuneDocument(report, folder);
    case "finetune-seeds":
      return seedsDocument(report);
    case "glue":
      return glueDocument(report);
    case "ablate":
      return ablateDocument(report);
    case "measure":
      return measureDocument(report);
  }
}

/**
 * Writes report.html into a folder, beside the report.json of the same value.
 *
 * @throws StorageError when the disk is full
 * @returns what the page says
 */
export function writePage(folder: string, report: PagedReport): ReportDocument {
  const document = documentOf(report, folder);
  replaceText(join(folder, "report.html"), renderPage(document));
  return document;
}

/** The tables of a report, for a terminal. */
export function reportText({ blocks }: ReportDocument): string {
  const tables = blocks.flatMap((block) => (block.kind === "table" ? [formatTable(block.table)] : []));
  return `${tables.join("\n\n\n")}\n`;
}
