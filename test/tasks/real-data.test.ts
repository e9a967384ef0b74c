import { describe, expect, test } from "vitest";
import type { Split } from "../../src/kinds/task.js";
import { openTask } from "../../src/tasks/open.js";
import { data, dataPath, needs } from "../needs.js";

/** Task, folder, split, rows as published. */
const SETS: [string, string, Split, number][] = [
  ["cola", "glue", "train", 8551],
  ["cola", "glue", "validation", 1043],
  ["sst2", "glue", "train", 67349],
  ["sst2", "glue", "validation", 872],
  ["stsb", "glue", "train", 5749],
  ["stsb", "glue", "validation", 1500],
  ["rte", "glue", "train", 2490],
  ["rte", "glue", "validation", 277],
  ["qnli", "glue", "validation", 5463],
  ["mnli", "glue", "validation_matched", 9815],
  ["mnli", "glue", "validation_mismatched", 9832],
  ["imdb", "imdb", "train", 22500], // Of 25,000, a tenth is held out.
  ["imdb", "imdb", "validation", 2500],
  ["imdb", "imdb", "test", 25000],
  ["squad", "squad", "train", 87599],
  ["squad", "squad", "validation", 10570],
];

describe("the official files, unpacked below LIMBECK_DATA, are read whole", () => {
  describe.each(SETS)("%s from %s, %s", (task, folder, split, rows) => {
    const path = dataPath(folder);
    test(`has ${rows} rows`, needs(data(folder)), async () => {
      const { examples, skipped } = await openTask(task, path).read(split, { skipBadRows: false });
      expect([examples.length, skipped]).toEqual([rows, 0]);
    });
  });
});
