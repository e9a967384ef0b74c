import fc from "fast-check";
import { expect, test } from "vitest";
import { documentSequences, packedSequences, type TokenStream } from "../../src/data/sequences.js";

const ids = { cls: 2, sep: 3, unk: 1 };

function streamOf(...documents: number[][]): TokenStream {
  const tokens = Int32Array.from(documents.flatMap((document) => [...document, ids.sep]));
  return {
    tokenCount: tokens.length,
    documentCount: documents.length,
    read: (start, count) => tokens.slice(start, start + count),
  };
}

function all(source: { length: number; get(index: number): Int32Array }): number[][] {
  return Array.from({ length: source.length }, (_, i) => [...source.get(i)]);
}

function run(length: number, first = 10): number[] {
  return Array.from({ length }, (_, i) => first + i);
}

test("blocks run over documents, with [CLS] before, [SEP] after, and no padding", () => {
  const stream = streamOf([10, 11, 12], [20], [30, 31]);
  expect(all(packedSequences(stream, { sequenceLength: 6, ids }))).toEqual([
    [2, 10, 11, 12, 3, 3],
    [2, 20, 3, 30, 31, 3],
  ]);
});

test("a stream shorter than a block is one short block", () => {
  expect(all(packedSequences(streamOf([10, 11]), { sequenceLength: 512, ids }))).toEqual([[2, 10, 11, 3, 3]]);
});

test("blocks hold the stream in order, and leave out less than one block", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: 5, max: 50 }), { minLength: 1, maxLength: 20 }), { minLength: 1 }),
      fc.integer({ min: 3, max: 40 }),
      (documents, sequenceLength) => {
        const stream = streamOf(...documents);
        const bodies = all(packedSequences(stream, { sequenceLength, ids })).flatMap((block) => block.slice(1, -1));
        expect(bodies).toEqual([...stream.read(0, bodies.length)]);
        expect(stream.tokenCount - bodies.length).toBeLessThan(sequenceLength - 2);
      },
    ),
  );
});

test("a document is a sequence when it fits, and is split where it does not", () => {
  const stream = streamOf(run(10), run(30));
  expect(all(documentSequences(stream, { sequenceLength: 20, ids }))).toEqual([
    [2, ...run(10), 3],
    [2, ...run(18), 3],
    [2, ...run(12, 28), 3],
  ]);
});

test("sequences of 11 tokens or fewer are dropped, [CLS] and [SEP] counted", () => {
  const lengths = all(documentSequences(streamOf(run(9), run(10), run(28)), { sequenceLength: 20, ids })).map(
    (sequence) => sequence.length,
  );
  expect(lengths).toEqual([12, 20, 12]);
  expect(() => documentSequences(streamOf(run(9)), { sequenceLength: 20, ids })).toThrow(/no sequence is left of 1/);
});

test("sequences of which half or more is [UNK] are dropped", () => {
  const unknown = (count: number) => [...new Array<number>(count).fill(ids.unk), ...run(18 - count)];
  const kept = all(documentSequences(streamOf(unknown(9), unknown(10)), { sequenceLength: 20, ids }));
  expect(kept).toEqual([[2, ...unknown(9), 3]]);
});

test("five thousand documents, whatever there was room for at first, are all kept, in their order", () => {
  const documents = Array.from({ length: 5000 }, (_, i) => run(10 + (i % 9), 100 + i));
  const source = documentSequences(streamOf(...documents), { sequenceLength: 20, ids });
  expect(source.length).toBe(5000);
  for (const [i, document] of documents.entries()) {
    if (`${source.get(i)}` !== `${[2, ...document, 3]}`) expect([...source.get(i)]).toEqual([2, ...document, 3]);
  }
});

test("a stream of more than a million tokens is cut as one, wherever it is read in parts", () => {
  // A document ends at token 2^20, the first of the second part.
  const [documentLength, count] = [61_680, 36];
  const tokenCount = count * (documentLength + 1);
  const tokenAt = (i: number) => (i % (documentLength + 1) === documentLength ? ids.sep : 10 + (i % 50_000));
  expect(tokenAt(2 ** 20)).toBe(ids.sep);
  const stream: TokenStream = {
    ...{ tokenCount, documentCount: count },
    read: (start, length) => Int32Array.from({ length }, (_, i) => tokenAt(start + i)),
  };
  const source = documentSequences(stream, { sequenceLength: 402, ids });
  const each = Math.ceil(documentLength / 400); // 154 of 400, and one of 80.
  expect(source.length).toBe(each * count);
  for (let i = 0; i < source.length; i++) {
    const start = Math.floor(i / each) * (documentLength + 1) + (i % each) * 400;
    const body = source.get(i).subarray(1, -1);
    expect(body.length).toBe(i % each === each - 1 ? 80 : 400);
    if (!body.every((token, at) => token === tokenAt(start + at))) expect([i, ...body]).toEqual(start);
  }
});

test("an empty split and an impossible length are refused", () => {
  expect(() => packedSequences(streamOf(), { sequenceLength: 8, ids })).toThrow(/holds no tokens/);
  for (const sequenceLength of [2, 2.5, 70_000]) {
    expect(() => packedSequences(streamOf([5]), { sequenceLength, ids })).toThrow(/from 3 to 65536/);
  }
});
