import type { Report } from "../runs/report.js";
import type { Table } from "./table.js";

/** A report as it is read, before it has a form. */
export interface ReportDocument {
  readonly title: string;
  /** What came out, in a sentence or two. */
  readonly summary: string;
  /** The few figures somebody would repeat. */
  readonly highlights: readonly Highlight[];
  readonly blocks: readonly Block[];
  /** As the report has them, for its foot. */
  readonly seeds: readonly number[];
  readonly provenance: Report["provenance"];
}

export interface Highlight {
  readonly label: string;
  readonly value: string;
  /** What it is to be compared with. */
  readonly note: string;
}

/** A name and what it stands for. */
export type Fact = readonly [name: string, value: string];

export type Block =
  | { readonly kind: "text"; readonly heading: string | null; readonly paragraphs: readonly string[] }
  | { readonly kind: "table"; readonly table: Table }
  | { readonly kind: "facts"; readonly title: string; readonly facts: readonly Fact[] }
  | { readonly kind: "bars"; readonly chart: BarChart }
  | { readonly kind: "curves"; readonly charts: readonly CurveChart[]; readonly title: string }
  | { readonly kind: "scatter"; readonly chart: ScatterChart };

interface Chart {
  readonly title: string;
  /** What the picture shows, for whoever does not see it; also printed below it. */
  readonly description: string;
}

/** Bars from zero, one group a line. */
export interface BarChart extends Chart {
  /** Names of the bars of a group, in the order of their colours. */
  readonly series: readonly string[];
  readonly decimals: number;
  /** Whether values are changes, which are written with their sign. */
  readonly isSigned: boolean;
  readonly groups: readonly {
    readonly label: string;
    /** By series; null where there is none. */
    readonly bars: readonly (Bar | null)[];
    /** A published value, to compare with. */
    readonly reference: number | null;
  }[];
  /** What `reference` is. */
  readonly referenceLabel: string | null;
}

export interface Bar {
  readonly value: number;
  /** The error bar reaches so far to each side; null draws none. */
  readonly spread: number | null;
  /** Said behind the value. */
  readonly note: string;
  /** Whether it is drawn as something not to be relied on. */
  readonly isMuted: boolean;
}

/** A line for each series. */
export interface CurveChart extends Chart {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

/** A named point for each thing. */
export interface ScatterChart extends Chart {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly {
    readonly label: string;
    readonly x: number;
    readonly y: number;
    readonly spread: number | null;
  }[];
}
