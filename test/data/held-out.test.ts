import fc from "fast-check";
import { expect, test } from "vitest";
import { HeldOutPool } from "../../src/data/held-out.js";

function documents(count: number, length = 10): { document: number; ids: Uint16Array }[] {
  return Array.from({ length: count }, (_, document) => ({
    document,
    ids: Uint16Array.from({ length }, (_, i) => (document * 31 + i * 7) % 5000),
  }));
}

function offerAll(pool: HeldOutPool, candidates: ReturnType<typeof documents>): number[] {
  return candidates.flatMap((candidate) => pool.offer(candidate).map(({ document }) => document));
}

test("every document is in one split, and about the share is held out", () => {
  const pool = new HeldOutPool(0.1, 1_000_000);
  const training = offerAll(pool, documents(3000));
  const held = pool.documents().map(({ document }) => document);
  expect([...training, ...held].sort((a, b) => a - b)).toEqual(Array.from({ length: 3000 }, (_, i) => i));
  expect(Math.abs(held.length - 300)).toBeLessThan(4 * Math.sqrt(300 * 0.9));
});

test("a small budget is filled from the whole corpus, not from its start", () => {
  const pool = new HeldOutPool(0.5, 1100);
  offerAll(pool, documents(4000));
  const held = pool.documents().map(({ document }) => document);
  expect(held.length).toBe(100); // 100 documents of 10 tokens and a separator.
  const mean = held.reduce((sum, document) => sum + document, 0) / held.length;
  expect(Math.abs(mean - 2000)).toBeLessThan(4 * (4000 / Math.sqrt(12) / 10));
});

test("copies of a document fall on the same side", () => {
  const pool = new HeldOutPool(0.3, 1_000_000);
  const once = documents(200);
  const training = new Set(
    offerAll(pool, [...once, ...once.map((copy) => ({ ...copy, document: copy.document + 200 }))]),
  );
  for (const { document } of once) expect(training.has(document)).toBe(training.has(document + 200));
});

test("one document is held out however small the share, none when the share is 0", () => {
  const pool = new HeldOutPool(1e-9, 100);
  expect(offerAll(pool, documents(50)).length).toBe(49);
  expect(pool.documents().length).toBe(1);
  expect(offerAll(new HeldOutPool(0, 100), documents(50)).length).toBe(50);
});

test("a document fits the budget with its separator: one of exactly so many tokens does not", () => {
  const held = (budget: number) => {
    const pool = new HeldOutPool(0.999, budget);
    offerAll(pool, documents(2, 10).concat({ document: 2, ids: Uint16Array.of(7, 8, 9, 10, 11) }));
    return pool.documents().map(({ ids }) => ids.length);
  };
  expect(held(22)).toEqual([10, 10]); // 11 and 11; with the 6 of the third it would be 28.
  expect(held(27)).toEqual([10, 10]);
  expect(held(28)).toEqual([10, 10, 5]);
  expect(held(11)).toEqual([10]);
  expect(held(10)).toEqual([5]); // The others would stand by, for want of a smaller one.
  expect(held(6)).toEqual([5]);
});

test("a document over the budget is held out only when there is no other", () => {
  const pool = new HeldOutPool(0.9, 8);
  offerAll(pool, documents(20, 10));
  expect(pool.documents().length).toBe(1);
  offerAll(pool, documents(20, 5));
  expect(pool.documents().map(({ ids }) => ids.length)).toEqual([5]);
});

/** FNV-1a over the ids, then MurmurHash3's finaliser, in whole numbers of any size. */
function unitOf(ids: Uint16Array): number {
  const word = 2n ** 32n;
  const times = (h: bigint, factor: bigint) => (h * factor) % word;
  let h = 0x811c9dc5n;
  for (const id of ids) h = times(h ^ BigInt(id), 0x01000193n);
  h = times(h ^ (h >> 16n), 0x85ebca6bn);
  h = times(h ^ (h >> 13n), 0xc2b2ae35n);
  return Number(h ^ (h >> 16n)) / 2 ** 32;
}

test("of the documents so far, those of the smallest hashes that fit are held out, others stand by for want of one", () => {
  const document = fc.record({ length: fc.integer({ min: 1, max: 30 }), first: fc.integer({ min: 0, max: 60_000 }) });
  const share = fc.constantFrom(0.05, 0.3, 0.9);
  fc.assert(
    fc.property(
      fc.array(document, { maxLength: 60 }),
      share,
      fc.integer({ min: 1, max: 90 }),
      (given, part, budget) => {
        const pool = new HeldOutPool(part, budget);
        let held: { document: number; ids: Uint16Array; rank: number }[] = [];
        for (const [number, { length, first }] of given.entries()) {
          const ids = Uint16Array.from({ length }, (_, i) => (first + i) % 65_536);
          const unit = unitOf(ids);
          const rank = unit < part && length + 1 <= budget ? unit : 1 + unit;
          const all = [...held, { document: number, ids, rank }].sort(
            (a, b) => a.rank - b.rank || a.document - b.document,
          );
          const size = (count: number) => all.slice(0, count).reduce((sum, each) => sum + each.ids.length + 1, 0);
          let kept = all.length;
          while (kept > 1 && ((all[kept - 1]?.rank ?? 0) >= 1 || size(kept) > budget)) kept--;
          held = all.slice(0, kept);
          const evicted = all.slice(kept).map((each) => each.document);
          expect(pool.offer({ document: number, ids }).map((each) => each.document)).toEqual(
            evicted.sort((a, b) => a - b),
          );
          const restored = new HeldOutPool(part, budget);
          restored.restore(pool.documents());
          for (const each of [pool, restored]) {
            expect(each.documents().map((one) => one.document)).toEqual(
              held.map((one) => one.document).sort((a, b) => a - b),
            );
          }
        }
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});
