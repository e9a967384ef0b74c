import { join } from "node:path";
import type { ReportDocument } from "../../pages/document.js";
import { shellCommand } from "../../pages/provenance.js";
import { reportText } from "../../pages/write.js";

/** Prints a report on standard output: as JSON, or its tables, and where the page is. */
export function printReport(
  report: object,
  document: ReportDocument,
  { json = false, out }: { json?: boolean | undefined; out: string },
): void {
  const text = json
    ? JSON.stringify({ ...report, ...document.provenance }, null, 2)
    : `${document.summary}\n\n\n${reportText(document)}\nThe page with charts: ${join(out, "report.html")}`;
  process.stdout.write(`${text}\n`);
}

/** The command line of this process, as it could be given again. */
export function commandLine(): string {
  return shellCommand(["limbeck", ...process.argv.slice(2)]);
}
