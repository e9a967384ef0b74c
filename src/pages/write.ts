import { join } from "node:path";
import { replaceText } from "../storage/atomic-files.js";
import { formatJson } from "../storage/json-file.js";
import type { ReportDocument } from "./document.js";
import { renderPage } from "./page.js";
import { formatTable } from "./table.js";

/**
 * Writes report.json and report.html into a folder, each whole or not at all.
 *
 * @param report what was measured, as it is kept; its provenance is added
 * @throws StorageError when the disk is full
 */
export function writeReport(folder: string, report: object, document: ReportDocument): void {
  replaceText(join(folder, "report.json"), formatJson({ ...report, ...document.provenance }));
  replaceText(join(folder, "report.html"), renderPage(document));
}

/** The tables of a report, for a terminal. */
export function reportText({ blocks }: ReportDocument): string {
  const tables = blocks.flatMap((block) => (block.kind === "table" ? [formatTable(block.table)] : []));
  return `${tables.join("\n\n\n")}\n`;
}
