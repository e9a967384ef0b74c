import { join } from "node:path";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import type { Row } from "../../../src/data/readers/row.js";
import { type RowFile, readRows, rowFile } from "../../../src/data/readers/rows.js";
import { linesOf } from "../../../src/data/readers/text-lines.js";
import { ConfigError, FormatError } from "../../../src/errors.js";
import { failureOf, fileWith, HUB, parquet } from "../../tasks/layouts.js";

async function rowsOf(file: RowFile, required: string[], optional: string[] = []): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of readRows(file, { required, optional })) rows.push(row);
  return rows;
}

const rowsIn = (name: string, content: string | Uint8Array, ...required: string[]) =>
  rowsOf(rowFile(fileWith(name, content)), required);
const cells = (rows: Row[]) => rows.map((row) => row.cells);
const places = (rows: Row[]) => rows.map(({ where }) => where.replace(/^.*\//, ""));

const AB = [
  { a: "1", b: 'say "x"' },
  { a: "2", b: "é\u{1f418}" },
];

describe("the same rows come", () => {
  test.each<[string, string, string]>([
    ["from TSV", "x.tsv", 'a\tb\n1\tsay "x"\n2\té\u{1f418}\n'],
    ["from CSV", "x.csv", 'a,b\n1,"say ""x"""\n2,é\u{1f418}\n'],
    ["from JSON lines", "x.jsonl", '{"a":"1","b":"say \\"x\\""}\n{"a":"2","b":"é\u{1f418}"}\n'],
  ])("%s, with any line ends, a byte order mark, empty lines, or no last line end", async (_, name, text) => {
    const variants = [
      text,
      text.replaceAll("\n", "\r\n"),
      `\ufeff${text}`,
      text.slice(0, -1),
      text.replaceAll("\n", "\n\n"),
      `\ufeff${text.replaceAll("\n", "\r\n\r\n")}`.slice(0, -4),
    ];
    for (const variant of variants) expect(cells(await rowsIn(name, variant, "a", "b"))).toEqual(AB);
  });

  test("from Parquet, 64-bit numbers as numbers", async () => {
    const file = parquet({
      a: { type: "STRING", data: ["x", "é"] },
      n: { type: "INT64", data: [3n, -1n] },
      s: { type: "DOUBLE", data: [0.5, 2] },
    });
    expect(cells(await rowsIn("x.parquet", file, "n", "a", "s"))).toEqual([
      { n: 3, a: "x", s: 0.5 },
      { n: -1, a: "é", s: 2 },
    ]);
  });
});

test("the rows of Parquet are counted on from one row group to the next, of the columns that are wanted", async () => {
  const columnData = [
    { name: "a", type: "STRING", data: ["v", "w", "x", "y", "z"] },
    { name: "b", type: "STRING", data: ["1", "2", "3", "4", "5"] },
    { name: "n", type: "INT32", data: [1, 2, 3, 4, 5] },
  ] as const;
  const file = new Uint8Array(
    parquetWriteBuffer({ columnData: columnData.map((each) => ({ ...each, data: [...each.data] })), rowGroupSize: 2 }),
  );
  const rows = await rowsIn("x.parquet", file, "n", "a");
  expect(cells(rows)).toEqual(["v", "w", "x", "y", "z"].map((a, i) => ({ a, n: i + 1 })));
  expect(places(rows)).toEqual([1, 2, 3, 4, 5].map((number) => `x.parquet, row ${number}`));
});

test("a quote is a character in TSV, wherever it stands", async () => {
  const rows = await rowsIn("x.tsv", 'a\tb\n"open\tclosed"\n"\t""\n', "a", "b");
  expect(cells(rows)).toEqual([
    { a: '"open', b: 'closed"' },
    { a: '"', b: '""' },
  ]);
});

test("CSV follows RFC 4180: what was quoted comes back, whatever it holds", async () => {
  const field = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r\n", "\t", " ", "é", "\u{1f418}") });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(field, field), { minLength: 1 }), async (rows) => {
      const text = ["a,b", ...rows.map(([a, b]) => `${quoted(a)},${quoted(b)}`)].join("\r\n");
      expect(cells(await rowsIn("x.csv", text, "a", "b"))).toEqual(rows.map(([a, b]) => ({ a, b })));
    }),
    { numRuns: 50 },
  );
});

test("rows are placed at the line they begin in", async () => {
  expect(places(await rowsIn("x.tsv", "a\n\nx\ny\n", "a"))).toEqual(["x.tsv:3", "x.tsv:4"]);
  expect(places(await rowsIn("x.jsonl", '{"a":1}\n\n{"a":2}', "a"))).toEqual(["x.jsonl:1", "x.jsonl:3"]);
  for (const end of ["\n", "\r\n"]) {
    const lines = ["a,b", "", '1,"two', 'lines"', "", "", "3,x"].join(end);
    expect(places(await rowsIn("x.csv", lines, "a"))).toEqual(["x.csv:3", "x.csv:7"]);
  }
  const shard = rowFile(join(HUB, "cola/train-00000-of-00002.parquet"));
  expect(places(await rowsOf(shard, ["label"]))[2]).toBe("train-00000-of-00002.parquet, row 3");
});

test("lines that are longer than what is read at once come whole", async () => {
  const long = "é".repeat(300_000);
  expect(cells(await rowsIn("x.tsv", `a\tb\n${long}\t1\n2\t${long}`, "a", "b"))).toEqual([
    { a: long, b: "1" },
    { a: "2", b: long },
  ]);
});

test("columns that nobody asked for, and optional ones that are not there, do not matter", async () => {
  const file = rowFile(fileWith("x.tsv", "a\tb\n1\t2\n"));
  expect(cells(await rowsOf(file, ["b"], ["c"]))[0]).toMatchObject({ b: "2" });
});

test("a file whose first line is a row is given its columns", async () => {
  const path = fileWith("x.tsv", "1\tx\n2\ty\n");
  const rows = await rowsOf({ path, format: "tsv", header: ["id", "text"] }, ["text"]);
  expect(cells(rows)).toEqual([
    { id: "1", text: "x" },
    { id: "2", text: "y" },
  ]);
});

test.each<[string, string, string | Uint8Array, RegExp]>([
  ["too few columns", "x.tsv", "a\tb\n1\n3\t4\n", /^too few columns: expected 2, got 1\.$/],
  ["too many columns", "x.tsv", "a\tb\n1\t2\t3\n3\t4\n", /^too many columns: expected 2, got 3\.$/],
  ["too few columns of CSV", "x.csv", "a,b\n1\n3,4\n", /^too few columns: expected 2, got 1\.$/],
  ["TSV in another encoding", "x.tsv", Buffer.from("a\tb\n\xe9\t2\n3\t4\n", "latin1"), /^the row is not UTF-8/],
  ["CSV in another encoding", "x.csv", Buffer.from("a,b\n\xe9,2\n3,4\n", "latin1"), /^the row is not UTF-8/],
  [
    "JSON in another encoding",
    "x.jsonl",
    Buffer.from('{"a":"\xe9"}\n{"a":3,"b":4}', "latin1"),
    /^the row is not UTF-8/,
  ],
  ["a row that is not JSON", "x.jsonl", '{"a":1,\n{"a":3,"b":4}', /^not a JSON row \(.+\)\. Expected an object/],
  ["a row that is no object", "x.jsonl", '[1]\n{"a":3,"b":4}', /^expected a JSON object on each line, got an array/],
  ["a row without a field", "x.jsonl", '{"a":1,"c":2}\n{"a":3,"b":4}', /^expected column "b", got columns "a", "c"/],
])("%s is one row's problem: the next is read", async (_, name, content, problem) => {
  const rows = await rowsIn(name, content, "a", "b");
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatchObject({ cells: null, problem: expect.stringMatching(problem) });
  expect(rows[1]?.cells).not.toBeNull();
});

test.each<[string, string, string | Uint8Array, RegExp]>([
  ["a missing column of TSV", "x.tsv", "c\ta\n1\t2\n", /x\.tsv: expected column "b", got columns "c", "a"\.$/],
  ["missing columns of CSV", "x.csv", "c\n1\n", /x\.csv: expected columns "a", "b", got column "c"\.$/],
  ["a column that is there twice", "x.tsv", "a\tb\ta\n1\t2\t3\n", /x\.tsv: two columns are called "a"/],
  ["an empty file", "x.tsv", "", /x\.tsv: the file is empty/],
  ["an empty CSV file", "x.csv", "", /x\.csv: the file is empty/],
  ["JSON lines without rows", "x.jsonl", "\n\n", /x\.jsonl: the file is empty/],
  ["a header in another encoding", "x.tsv", Buffer.from("a\tb\xe9\n", "latin1"), /x\.tsv:1: the row is not UTF-8/],
  ["UTF-16", "x.csv", Buffer.from("\ufeffa,b\n1,2\n", "utf16le"), /x\.csv:1: the row is not UTF-8/],
  [
    "a quote that never ends",
    "x.csv",
    'a,b\r\n1,2\r\n\r\n3,"4\r\n5,6\r\n',
    /x\.csv:3: a quote that opens here or below/,
  ],
  ["a Parquet file that is none", "x.parquet", "plain text, a little longer", /x\.parquet: not a Parquet file/],
])("%s is the file's problem", async (_, name, content, message) => {
  const error = await failureOf(() => rowsIn(name, content, "a", "b"));
  expect(error).toBeInstanceOf(FormatError);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("\n");
});

test("a missing file, a missing column of Parquet, and a name that says no format are named", async () => {
  for (const extension of ["tsv", "csv", "jsonl", "parquet"]) {
    const path = `/nowhere/x.${extension}`;
    expect((await failureOf(() => rowsOf(rowFile(path), []))).message).toMatch(/^\/nowhere\/x\.\w+: .*ENOENT/);
  }
  const shard = rowFile(join(HUB, "cola/train-00000-of-00002.parquet"));
  expect((await failureOf(() => rowsOf(shard, ["body"]))).message).toMatch(
    /expected column "body", got columns "sentence", "label", "idx"/,
  );
  expect(await failureOf(() => rowFile("x.xlsx"))).toBeInstanceOf(ConfigError);
});

test("a line that is longer than allowed is refused before it fills the memory", async () => {
  async function* stream(text: string) {
    yield Buffer.from(text);
  }
  const lines = async (text: string) => {
    const found: (string | null)[] = [];
    for await (const line of linesOf("x.txt", stream(text), { mostBytes: 8 })) found.push(line.text);
    return found;
  };
  expect(await lines("12345678\nshort\n")).toEqual(["12345678", "short"]);
  await expect(lines("short\n123456789")).rejects.toThrow(
    /x\.txt:2: expected lines of at most 8 bytes, got a longer one/,
  );
});
