import { expect, test } from "vitest";
import { formatModelCard } from "../../src/hub/card.js";

test("writes front matter, prose, facts and sections", () => {
  const card = formatModelCard({
    title: "A student",
    summary: "Six layers.",
    license: "apache-2.0",
    language: "en",
    baseModel: "google-bert/bert-base-uncased",
    tags: ["distillation", "no"],
    kind: "masked-words",
    facts: [
      ["parameters", 66_985_530],
      ["a | b", "x"],
    ],
    sections: [{ heading: "Data", body: "Text." }],
  });
  expect(card).toBe(`---
language: en
license: apache-2.0
library_name: transformers
pipeline_tag: fill-mask
base_model: google-bert/bert-base-uncased
tags:
- distillation
- "no"
---

# A student

Six layers.

| | |
|---|---|
| parameters | 66985530 |
| a \\| b | x |

## Data

Text.
`);
});

test("leaves out what is not known", () => {
  const card = formatModelCard({ title: "T", summary: "S", license: "mit", tags: [], kind: "masked-words" });
  expect(card).toBe("---\nlicense: mit\nlibrary_name: transformers\npipeline_tag: fill-mask\n---\n\n# T\n\nS\n");
});
