import { parse } from "parse5";
import { describe, expect, test } from "vitest";
import type { Block, ReportDocument } from "../../src/pages/document.js";
import { renderPage } from "../../src/pages/page.js";
import { DARK, LIGHT, type Palette } from "../../src/pages/style.js";

/** What breaks markup that does not escape: everywhere a string can stand. */
const HOSTILE = `<script src="//evil">'&amp;"</script>--><!--]]>\0\ud800`;
const CLEANED = HOSTILE.replace("\0", "\ufffd").replace("\ud800", "\ufffd");

const bar = { value: -1, spread: 0.5, note: HOSTILE, isMuted: true };
const curve = {
  title: HOSTILE,
  description: HOSTILE,
  xLabel: HOSTILE,
  yLabel: HOSTILE,
  series: [
    { label: HOSTILE, points: [[0, 1], [10, 0.5]] as const }, // biome-ignore format: two points
    { label: "other", points: [[0, 2], [Number.NaN, 1], [10, 1]] as const }, // biome-ignore format: three points
  ],
};
const BLOCKS: Block[] = [
  { kind: "text", heading: HOSTILE, paragraphs: [HOSTILE] },
  { kind: "facts", title: HOSTILE, facts: [[HOSTILE, HOSTILE]] },
  {
    kind: "table",
    table: {
      caption: HOSTILE,
      columns: [
        { label: HOSTILE, align: "left" },
        { label: "n", align: "right" },
      ],
      rows: [{ cells: [HOSTILE, { text: HOSTILE, detail: HOSTILE }], tone: "strong" }],
      notes: [HOSTILE],
    },
  },
  {
    kind: "bars",
    chart: {
      title: HOSTILE,
      description: HOSTILE,
      series: [HOSTILE, "b"],
      decimals: 1,
      isSigned: true,
      referenceLabel: HOSTILE,
      groups: [{ label: HOSTILE, bars: [bar, null], reference: 0.3 }],
    },
  },
  { kind: "curves", title: HOSTILE, charts: [curve] },
  { kind: "curves", title: HOSTILE, charts: [curve, { ...curve, series: curve.series.slice(0, 1) }] },
  {
    kind: "scatter",
    chart: {
      title: HOSTILE,
      description: HOSTILE,
      xLabel: HOSTILE,
      yLabel: HOSTILE,
      points: [
        { label: HOSTILE, x: 1, y: 2, spread: 0.1 },
        { label: "b", x: 1, y: 2, spread: null },
      ],
    },
  },
];

const DOCUMENT: ReportDocument = {
  title: HOSTILE,
  summary: HOSTILE,
  highlights: [{ label: HOSTILE, value: HOSTILE, note: HOSTILE }],
  blocks: BLOCKS,
  seeds: [1, 2],
  provenance: { version: "1", command: HOSTILE, date: "2026-01-02T03:04:05.000Z" },
};

interface Node {
  nodeName: string;
  value?: string;
  attrs?: { name: string; value: string }[];
  childNodes?: Node[];
}

interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
  children: Element[];
}

/** The page as a browser reads it; throws where it breaks HTML's grammar. */
function elementsOf(page: string): Element[] {
  const root = parse(page, {
    onParseError: ({ code, startLine, startCol }) => {
      throw new Error(`${code} at ${startLine}:${startCol}`);
    },
  }) as unknown as Node;
  const textOf = (node: Node): string => node.value ?? (node.childNodes ?? []).map(textOf).join("");
  const elements: Element[] = [];
  const visit = (node: Node): Element[] => {
    const children = (node.childNodes ?? []).flatMap(visit);
    if (node.attrs === undefined) return children;
    const attributes = Object.fromEntries(node.attrs.map(({ name, value }) => [name, value]));
    const element = { name: node.nodeName, attributes, text: textOf(node), children };
    elements.push(element);
    return [element];
  };
  visit(root);
  return elements;
}

const PAGE = elementsOf(renderPage(DOCUMENT));
const named = (name: string) => PAGE.filter((element) => element.name === name);

describe("the page", () => {
  test("is HTML without an error, whatever its strings are", () => {
    expect(named("html")).toHaveLength(1);
    expect(named("h1")[0]?.text).toBe(CLEANED);
  });

  test("shows every string as it is", () => {
    const texts = PAGE.filter(({ children }) => children.length === 0).map(({ text }) => text);
    const whole = texts.filter((text) => text === CLEANED);
    expect(whole.length).toBeGreaterThan(30);
    expect(texts.filter((text) => text.includes("evil") && !text.includes(CLEANED))).toEqual([]);
  });

  test("runs nothing", () => {
    expect(named("script")).toEqual([]);
    expect(PAGE.flatMap(({ attributes }) => Object.keys(attributes)).filter((name) => /^on/.test(name))).toEqual([]);
  });

  test("fetches nothing, and forbids it", () => {
    const references = PAGE.flatMap(({ attributes }) =>
      ["src", "href", "xlink:href", "srcset", "action", "data", "poster"].flatMap((name) => attributes[name] ?? []),
    );
    expect(references).toEqual(["data:,"]); // The icon, which is empty: without one a browser asks for one.
    expect(named("style").map(({ text }) => text).join("")).not.toMatch(/url\(|@import/); // biome-ignore format: one claim
    const policy = named("meta").find(({ attributes }) => attributes["http-equiv"] === "Content-Security-Policy");
    expect(policy?.attributes.content).toMatch(/^default-src 'none'/);
  });

  test("says of every picture what it shows", () => {
    const pictures = named("svg").filter(({ attributes }) => attributes.role === "img");
    expect(pictures).toHaveLength(5); // Bars, one curve, two curves, scatter.
    for (const { attributes, children } of pictures) {
      const [title, description] = children;
      expect([title?.name, description?.name]).toEqual(["title", "desc"]);
      expect(attributes["aria-labelledby"]).toBe(`${title?.attributes.id} ${description?.attributes.id}`);
    }
  });

  test("gives each id once", () => {
    const ids = PAGE.flatMap(({ attributes }) => attributes.id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("has a caption for every table, and a scope for every heading in it", () => {
    for (const table of named("table")) expect(table.children[0]?.name).toBe("caption");
    expect(named("th").map(({ attributes }) => attributes.scope)).toEqual(["col", "col", "row"]);
  });

  test("draws numbers, and nothing else, wherever there are coordinates", () => {
    const drawn = PAGE.filter(({ name }) => ["line", "rect", "circle", "polyline", "svg", "text"].includes(name));
    const values = drawn.flatMap(({ attributes }) =>
      ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "points"].flatMap(
        (key) => attributes[key] ?? [],
      ),
    );
    expect(values.length).toBeGreaterThan(50);
    expect(values.filter((value) => !/^[-\d., ]+%?$/.test(value))).toEqual([]);
  });
});

describe.each([
  ["light", LIGHT],
  ["dark", DARK],
])("in the %s", (_, palette) => {
  test("text is readable on every ground, as WCAG's AA wants it", () => {
    for (const text of [palette.text, palette.muted]) {
      for (const ground of [palette.background, palette.surface]) {
        expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test("every series stands out from the ground", () => {
    const series: (keyof Palette)[] = ["c1", "c2", "c3", "c4", "c5", "c6"];
    for (const key of series) expect(contrast(palette[key], palette.background)).toBeGreaterThanOrEqual(3);
  });
});

/** WCAG 2.1's contrast ratio of two colours, #rrggbb. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}
