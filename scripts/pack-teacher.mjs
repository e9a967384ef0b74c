// Packs the result of scripts/pretrain-teacher.sh as the embedded teacher: assets/teacher, in bf16, with its model card,
// its recipes, and its curve.
//   node scripts/pack-teacher.mjs WORK
// NOTE="…" is a sentence on how it was made that the card is to have besides.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatModelCard } from "../dist/hub/card.js";
import { loadMaskedLm, saveMaskedLm } from "../dist/hub/model-loading.js";
import { readMetrics } from "../dist/runs/metrics-log.js";
import { evaluateHeldOut } from "../dist/training/loop/evaluate-held-out.js";
import { openCorpus } from "../dist/training/loop/training-corpus.js";
import { curve } from "./curve.mjs";

const [work] = process.argv.slice(2);
if (work === undefined) {
  console.error("usage: node scripts/pack-teacher.mjs WORK (what scripts/pretrain-teacher.sh was given)");
  process.exit(2);
}
const target = fileURLToPath(new URL("../assets/teacher", import.meta.url));
const names = ["layers-3", "layers-6", "layers-12", "length-256", "length-512"];
const stages = names.map((name) => ({
  name,
  recipe: JSON.parse(readFileSync(join(work, name, "recipe.json"), "utf8")),
  metrics: readMetrics(join(work, name, "metrics.jsonl")),
}));

let seen = 0;
const points = [];
for (const { name, metrics } of stages) {
  const start = seen;
  for (const record of metrics) {
    if (record.tokens !== undefined) seen = start + record.tokens;
    if (record.heldOutLoss !== undefined)
      points.push({ name, tokens: seen, loss: record.heldOutLoss, accuracy: record.heldOutAccuracy });
  }
}
const dataset = JSON.parse(readFileSync(join(work, "data", "dataset.json"), "utf8"));
const { model, tokenizer } = await loadMaskedLm(join(work, names.at(-1), "model"), {
  device: "cpu",
  productDType: "float32",
});
const qualities = [];
for (const sequenceLength of [128, 256, 512]) {
  const recipe = { ...stages[0].recipe, sequenceLength };
  const corpus = await openCorpus(join(work, "data"), recipe, { heldOutSequences: (1024 * 128) / sequenceLength });
  const { accuracy, loss } = await evaluateHeldOut(model, corpus.heldOut, { dtype: "float32", device: "cpu" });
  corpus[Symbol.dispose]();
  qualities.push({ sequenceLength, words: `${(100 * accuracy).toFixed(2)} %, ${loss.toFixed(3)} nats` });
}
const millions = (n) => `${(n / 1e6).toFixed(1)} M`;

const card = formatModelCard({
  title: "Limbeck's embedded teacher: BERT, 12 layers of 128, uncased English",
  summary:
    "A small BERT pretrained from scratch with Limbeck's own commands by masked language modelling alone (dynamic masking, no next-sentence prediction). It is the default teacher of `limbeck distill` and `limbeck demo`: large enough to have something to teach, small enough to ship. It is no substitute for BERT-base.",
  license: "apache-2.0",
  language: "en",
  tags: ["limbeck", "bert", "fill-mask"],
  kind: "masked-words",
  facts: [
    ["parameters", "3,494,080 (bf16)"],
    ["vocabulary", "8,000 lower-cased word pieces, learned on the same text"],
    ["tokens seen in training", `${millions(seen)}, of ${millions(dataset.splits.train.tokens)} in the corpus`],
    ...qualities.map(({ sequenceLength, words }) => [
      `held-out masked-token accuracy and loss, ${sequenceLength} tokens`,
      words,
    ]),
  ],
  sections: [
    {
      heading: "Limits",
      body: "Lower-cased English only, and sequences of at most 512 tokens. It has seen few tokens for its size: a teacher for experiments and demonstrations, which knows common words and phrases and few facts.",
    },
    {
      heading: "Text",
      body: "English Wikipedia (articles in random order; CC BY-SA) and English books out of copyright (public domain). The text itself is not part of this repository. What the model says reflects that text, its errors and its biases.",
    },
    {
      heading: "How it was made",
      body: [
        `\`scripts/pretrain-teacher.sh\` in stages, each starting from the last; the figures are on 256 held-out sequences of the stage's length with 15 % of the tokens masked.${process.env.NOTE ? ` ${process.env.NOTE}` : ""}`,
        "",
        "| stage | layers | sequence length | masked | steps | tokens | held-out loss | accuracy |",
        "|---|---|---|---|---|---|---|---|",
        ...stages.map(({ name, recipe, metrics }) => {
          const end = points.findLast((point) => point.name === name);
          const tokens = metrics.findLast((record) => record.tokens !== undefined)?.tokens ?? 0;
          return `| ${name} | ${recipe.layers} | ${recipe.sequenceLength} | ${100 * recipe.maskShare} % | ${recipe.steps} | ${millions(tokens)} | ${end.loss.toFixed(3)} | ${(100 * end.accuracy).toFixed(2)} % |`;
        }),
        "",
        "![held-out loss over tokens](curve.svg)",
        "",
        "The recipes are in `recipes.json`, the curve's points in `curve.json`.",
      ].join("\n"),
    },
  ],
});

// Replaced whole: saveMaskedLm refuses a folder that holds more than a model.
rmSync(target, { recursive: true, force: true });
await saveMaskedLm(target, model, { tokenizer, card, dtype: "bfloat16" });
const recipes = Object.fromEntries(
  stages.map(({ name, recipe }) => [name, { ...recipe, initFrom: recipe.initFrom && "the stage before" }]),
);
writeFileSync(join(target, "recipes.json"), `${JSON.stringify(recipes, null, 2)}\n`);
writeFileSync(join(target, "curve.json"), `${JSON.stringify(points)}\n`);
writeFileSync(join(target, "curve.svg"), curve(points, { title: "Held-out loss of the embedded teacher" }));
console.log(`${target}: ${millions(seen)} tokens; ${qualities.map(({ words }) => words).join("; ")}`);
