import { expect, test } from "vitest";
import { fixed, listed, signed } from "../../src/pages/figures.js";
import { formatTable, numberColumns } from "../../src/pages/table.js";

test("names stand on the left, numbers on the right, and what follows them in a column of its own", () => {
  const text = formatTable({
    caption: "Scores",
    columns: numberColumns("model", ["CoLA", "size"]),
    rows: [
      { cells: ["teacher", { text: "56.3", detail: "±0.2" }, "110"] },
      { cells: ["a", { text: "−1.0", detail: "±10.4" }, "7"] },
      { cells: ["other", "—", "1,234"] },
    ],
    notes: ["A note."],
  });
  expect(text).toBe(
    [
      "Scores",
      "",
      "model          CoLA   size",
      "teacher  56.3 ±0.2     110",
      "a        −1.0 ±10.4      7",
      "other       —        1,234",
      "",
      "A note.",
    ].join("\n"),
  );
});

test("numbers have a true minus sign, and zero has none", () => {
  expect([fixed(-2.956, 2), fixed(-0.001, 2), signed(0.31, 1), signed(-0.31, 1), signed(0.001, 2)]).toEqual([
    "−2.96",
    "0.00",
    "+0.3",
    "−0.3",
    "0.00",
  ]);
});

test("lists read as sentences do", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listed)).toEqual(["", "a", "a and b", "a, b and c"]);
});
