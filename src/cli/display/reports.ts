import { join } from "node:path";
import { type PagedReport, reportText, writePage } from "../../pages/reports/reports.js";

/** Leaves a report's page in its folder, and prints it: as JSON, or its tables, and where the page is. */
export function publishReport(
  report: PagedReport,
  { json = false, out }: { json?: boolean | undefined; out: string },
): void {
  const document = writePage(out, report);
  const text = json
    ? JSON.stringify(report, null, 2)
    : `${document.summary}\n\n\n${reportText(document)}\nThe page with charts: ${join(out, "report.html")}`;
  process.stdout.write(`${text}\n`);
}
