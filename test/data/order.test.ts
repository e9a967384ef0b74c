import fc from "fast-check";
import { expect, test } from "vitest";
import { permutation } from "../../src/data/order.js";

const word = fc.integer({ min: 0, max: 0xffffffff });

function orderOf(seed: number, epoch: number, length: number): number[] {
  return Array.from({ length }, (_, position) => permutation(seed, epoch, length)(position));
}

test("is a bijection for every seed, epoch and length", () => {
  fc.assert(
    fc.property(word, word, fc.integer({ min: 1, max: 700 }), (seed, epoch, length) => {
      expect(orderOf(seed, epoch, length).sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
    }),
  );
});

test("stays within bounds up to 2^32 places, and distinct", () => {
  fc.assert(
    fc.property(word, fc.integer({ min: 2 ** 31, max: 2 ** 32 }), (seed, length) => {
      const order = permutation(seed, 0, length);
      const places = [0, 1, 2, length - 2, length - 1].map(order);
      expect(new Set(places).size).toBe(places.length);
      for (const place of places) expect(place >= 0 && place < length && Number.isInteger(place)).toBe(true);
    }),
  );
});

test("differs from epoch to epoch and from seed to seed", () => {
  const same = (a: number[], b: number[]) => a.filter((value, i) => value === b[i]).length;
  const first = orderOf(1, 0, 2000);
  expect(same(first, orderOf(1, 1, 2000))).toBeLessThan(10); // A random pair agrees in one place on average.
  expect(same(first, orderOf(2, 0, 2000))).toBeLessThan(10);
  expect(orderOf(1, 0, 2000)).toEqual(first);
});

test.each([3, 10, 37])("sends every place of %i anywhere, as often as chance does", (length) => {
  const draws = 20_000;
  for (const position of [0, length - 1]) {
    const counts = new Uint32Array(length);
    for (let seed = 0; seed < draws; seed++) {
      const place = permutation(seed, 0, length)(position);
      counts[place] = (counts[place] ?? 0) + 1;
    }
    const expected = draws / length;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect((chiSquare - (length - 1)) / Math.sqrt(2 * (length - 1))).toBeLessThan(4.5);
  }
});
