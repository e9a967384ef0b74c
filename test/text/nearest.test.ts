import { expect, test } from "vitest";
import { nearest } from "../../src/text/nearest.js";

test.each([
  ["temprature", "temperature"],
  ["Seed", "seed"],
  ["step", "steps"],
  ["batchSize", null],
])("nearest to %s is %s", (word, expected) => {
  expect(nearest(word, ["temperature", "seed", "steps", "maskShare"])).toBe(expected);
});
