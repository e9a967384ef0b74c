import { expect, test } from "vitest";
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
