/** A cell: what it says, and what is read second ("±0.3"), aligned on its own. */
export type Cell = string | { readonly text: string; readonly detail: string };

export interface Column {
  readonly label: string;
  /** Numbers stand on the right. */
  readonly align: "left" | "right";
}

export interface Row {
  readonly cells: readonly Cell[];
  /** Muted rows are there to compare with. */
  readonly tone?: "strong" | "muted";
}

/** A table, for a terminal and for a page. The first cell of a row is its heading. */
export interface Table {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Sentences below it. */
  readonly notes: readonly string[];
}

const GAP = "  ";

/** A column of names followed by columns of numbers: the common table. */
export function numberColumns(first: string, labels: readonly string[]): Column[] {
  return [{ label: first, align: "left" }, ...labels.map((label) => ({ label, align: "right" as const }))];
}

export function partsOf(cell: Cell | undefined): { text: string; detail: string } {
  if (cell === undefined) return { text: "", detail: "" };
  return typeof cell === "string" ? { text: cell, detail: "" } : cell;
}

/** The table as aligned lines, its caption above and its notes below. */
export function formatTable({ caption, notes, ...table }: Table): string {
  return [caption, "", ...formatRows(table), ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}

/** Labels and rows as aligned lines. */
export function formatRows({ columns, rows }: Pick<Table, "columns" | "rows">): string[] {
  const widths = columns.map((_, i) => {
    const parts = rows.map(({ cells }) => partsOf(cells[i]));
    return { text: widest(parts.map(({ text }) => text)), detail: widest(parts.map(({ detail }) => detail)) };
  });
  const inner = widths.map(({ text, detail }) => text + (detail > 0 ? detail + 1 : 0));
  const outer = columns.map(({ label }, i) => Math.max(lengthOf(label), inner[i] ?? 0));
  const line = (texts: readonly string[]) =>
    columns
      .map(({ align }, i) => pad(texts[i] ?? "", outer[i] ?? 0, align))
      .join(GAP)
      .trimEnd();
  const cellText = (cell: Cell | undefined, i: number) => {
    const { text, detail } = partsOf(cell);
    const width = widths[i] ?? { text: 0, detail: 0 };
    const main = pad(text, width.text, columns[i]?.align ?? "left");
    return width.detail === 0 ? main : `${main} ${pad(detail, width.detail, "left")}`;
  };
  const head = line(columns.map(({ label }) => label));
  const body = rows.map(({ cells }) => line(columns.map((_, i) => cellText(cells[i], i))));
  return [head, ...body];
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(lengthOf));
}

function lengthOf(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number, align: Column["align"]): string {
  const blanks = " ".repeat(Math.max(0, width - lengthOf(text)));
  return align === "left" ? text + blanks : blanks + text;
}
