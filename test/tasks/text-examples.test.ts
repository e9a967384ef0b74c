import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer as Engine } from "tokenizers";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Feature } from "../../src/tasks/task-batches.js";
import { textFeatures } from "../../src/tasks/texts/text-examples.js";
import { padded } from "../../src/text/model-inputs.js";
import { loadTokenizer, type Tokenizer } from "../../src/text/tokenizer.js";

const TEACHER = fileURLToPath(new URL("../../assets/teacher", import.meta.url));

let folder: string;
let tokenizer: Tokenizer;
let reference: Engine;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-features-"));
  tokenizer = await loadTokenizer(TEACHER);
  reference = Engine.fromString(readFileSync(join(TEACHER, "tokenizer.json"), "utf8"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const example = (first: string, second: string | null = null) => ({ id: "0", first, second, label: 1 });
const words = (n: number) => Array.from({ length: n }, (_, i) => ["water", "stone", "a", "river"][i % 4]).join(" ");

const typesOf = (feature: Feature | undefined) => [...padded(feature === undefined ? [] : [feature], 0).tokenTypeIds];

test("a text is [CLS] text [SEP], of type 0", async () => {
  const [feature] = await textFeatures([example("the river")], tokenizer, { sequenceLength: 16 });
  const { cls, sep } = tokenizer.ids;
  expect([...(feature?.ids ?? [])]).toEqual([cls, tokenizer.tokenToId("the"), tokenizer.tokenToId("river"), sep]);
  expect(typesOf(feature)).toEqual([0, 0, 0, 0]);
  expect(feature?.targets).toEqual([1]);
});

test("a row whose label is hidden has no target", async () => {
  const [feature] = await textFeatures([{ ...example("a"), label: null }], tokenizer, { sequenceLength: 16 });
  expect(feature?.targets).toEqual([]);
});

test("an empty second text is still a pair", async () => {
  const [feature] = await textFeatures([example("the river", "")], tokenizer, { sequenceLength: 16 });
  expect(typesOf(feature)).toEqual([0, 0, 0, 0, 1]);
});

test("texts and pairs of any lengths are cut as the tokenizers package cuts them, longest first", async () => {
  for (const sequenceLength of [12, 13]) {
    reference.setTruncation(sequenceLength);
    for (const [a, b] of [5, 9, 10, 11, 12, 13, 14, 20, 40].flatMap((a) =>
      [null, 1, 4, 5, 6, 9, 10, 11, 12, 13, 14, 30].map((b) => [a, b] as const),
    )) {
      const given = example(words(a as number), b === null ? null : words(b));
      const [feature] = await textFeatures([given], tokenizer, { sequenceLength });
      const expected = await reference.encode(given.first, given.second);
      expect([a, b, ...(feature?.ids ?? [])]).toEqual([a, b, ...expected.getIds()]);
      expect(typesOf(feature)).toEqual(expected.getTypeIds());
    }
  }
});
