import fc from "fast-check";
import { expect, test } from "vitest";
import { createMasker, IGNORED, type MaskingOptions } from "../../src/data/masking.js";

const [CLS, SEP, PAD, MASK, UNK] = [2, 3, 0, 4, 1];
const VOCABULARY = 105;
const base: MaskingOptions = {
  vocabSize: VOCABULARY,
  maskId: MASK,
  specialIds: new Set([PAD, UNK, CLS, SEP, MASK]),
  tokenCounts: new Array<number>(VOCABULARY).fill(1),
};

function sequence(length: number, id = (i: number) => 5 + (i % 100)): Int32Array {
  return Int32Array.from([CLS, ...Array.from({ length: length - 2 }, (_, i) => id(i)), SEP]);
}

function masked(labels: Int32Array): number[] {
  return [...labels.keys()].filter((i) => labels[i] !== IGNORED);
}

test("masks ⌈0.15 n⌉ of the n tokens that are not special, and at least one", () => {
  const masker = createMasker(base);
  for (const [body, expected] of [
    [1, 1],
    [6, 1],
    [7, 2],
    [20, 3], // 0.15 · 20 is 3, whatever floating point says.
    [100, 15],
    [510, 77],
  ] as const) {
    const { labels, maskedCount } = masker.mask(sequence(body + 2), { seed: 1, epoch: 0, index: 0 });
    expect([masked(labels).length, maskedCount]).toEqual([expected, expected]);
  }
});

test("never masks a special token, and masks nothing where there is nothing else", () => {
  const masker = createMasker(base);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 60 }), fc.nat(), (body, index) => {
      const ids = Int32Array.from([CLS, ...body, SEP]);
      const { inputIds, labels, maskedCount } = masker.mask(ids, { seed: 9, epoch: 1, index });
      expect(maskedCount).toBe(masker.maskedCount(ids));
      expect(masked(labels).length).toBe(maskedCount);
      for (const [i, id] of ids.entries()) {
        if (labels[i] === IGNORED) expect(inputIds[i]).toBe(id);
        else expect([labels[i], id >= 5]).toEqual([id, true]);
      }
    }),
  );
});

test("shows 80 % as [MASK], 10 % at random and 10 % as they are, within binomial bounds", () => {
  const masker = createMasker(base);
  let [asMask, kept, other] = [0, 0, 0];
  const replaced = new Uint32Array(VOCABULARY);
  for (let index = 0; index < 2000; index++) {
    const ids = sequence(402);
    const { inputIds, labels } = masker.mask(ids, { seed: 5, epoch: 0, index });
    for (const i of masked(labels)) {
      const shown = inputIds[i] ?? 0;
      if (shown === MASK) asMask++;
      else if (shown === ids[i]) kept++;
      else {
        other++;
        replaced[shown] = (replaced[shown] ?? 0) + 1;
      }
    }
  }
  const total = asMask + kept + other;
  expect(total).toBe(2000 * 60);
  // A replacement drawn from 100 tokens is the token itself once in a hundred.
  for (const [count, share] of [
    [asMask, 0.8],
    [kept, 0.101],
    [other, 0.099],
  ] as const) {
    expect(Math.abs(count - total * share)).toBeLessThan(4 * Math.sqrt(total * share * (1 - share)));
  }
  expect(replaced.slice(0, 5).every((count) => count === 0)).toBe(true);
  const expected = other / 100;
  const chiSquare = replaced.slice(5).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect((chiSquare - 99) / Math.sqrt(2 * 99)).toBeLessThan(4);
});

test.each([0, 0.7, 1])("one of two tokens is drawn in proportion to count^-%f", (smoothing) => {
  const [rare, common] = [5, 6];
  const tokenCounts = base.tokenCounts as number[];
  const masker = createMasker({ ...base, smoothing, tokenCounts: tokenCounts.with(rare, 10).with(common, 1000) });
  const draws = 40_000;
  let rareDrawn = 0;
  for (let index = 0; index < draws; index++) {
    const { labels } = masker.mask(Int32Array.of(CLS, common, rare, SEP), { seed: 3, epoch: 0, index });
    if (labels[2] === rare) rareDrawn++;
  }
  const expected = 10 ** -smoothing / (10 ** -smoothing + 1000 ** -smoothing);
  expect(Math.abs(rareDrawn - draws * expected)).toBeLessThan(4 * Math.sqrt(draws * expected * (1 - expected)));
});

test("two of three are drawn without replacement as Efraimidis and Spirakis say, worked by hand", () => {
  // Weights 1, 1/2, 1/4, k = 2: P(the third is left out) = P(1, 2) + P(2, 1) = 4/7 · 2/3 + 2/7 · 4/5.
  const tokenCounts = (base.tokenCounts as number[]).with(5, 1).with(6, 2).with(7, 4);
  const masker = createMasker({ ...base, smoothing: 1, share: 0.6, tokenCounts });
  const draws = 40_000;
  let leftOut = 0;
  for (let index = 0; index < draws; index++) {
    const { labels } = masker.mask(Int32Array.of(7, 6, 5), { seed: 4, epoch: 2, index });
    if (labels[0] === IGNORED) leftOut++;
  }
  const expected = (4 / 7) * (2 / 3) + (2 / 7) * (4 / 5);
  expect(Math.abs(leftOut - draws * expected)).toBeLessThan(4 * Math.sqrt(draws * expected * (1 - expected)));
});

test("is the same for the same place, and another for another seed, epoch or index", () => {
  const masker = createMasker(base);
  const ids = sequence(512);
  const at = (seed: number, epoch: number, index: number) => masked(masker.mask(ids, { seed, epoch, index }).labels);
  const first = at(1, 2, 3);
  expect(at(1, 2, 3)).toEqual(first);
  for (const other of [at(2, 2, 3), at(1, 3, 3), at(1, 2, 4), at(1, 2, 3 + 2 ** 32)]) expect(other).not.toEqual(first);
});

test("every position is drawn equally often when all tokens weigh the same", () => {
  const masker = createMasker(base);
  const counts = new Uint32Array(102);
  for (let index = 0; index < 4000; index++) {
    const { labels } = masker.mask(sequence(102), { seed: 8, epoch: 0, index });
    for (const i of masked(labels)) counts[i] = (counts[i] ?? 0) + 1;
  }
  for (const count of counts.slice(1, 101)) expect(Math.abs(count - 600)).toBeLessThan(4.5 * Math.sqrt(600 * 0.85));
});

test.each([
  [{ share: 0 }, /share must lie in \(0, 1\], got 0/],
  [{ maskShare: 0.9, randomShare: 0.2 }, /sum of at most 1, got 0.9 and 0.2/],
  [{ tokenCounts: [1, 2] }, /expected 105 token counts, one a token, got 2/],
  [{ specialIds: new Set(Array.from({ length: VOCABULARY }, (_, id) => id)) }, /every token .* is special/],
])("refuses %o", (options, message) => {
  expect(() => createMasker({ ...base, ...options })).toThrow(message);
});
