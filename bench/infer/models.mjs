// The models of bench/infer.mjs: those named, or DistilBERT-base and BERT-base as published but for their weights, which are
// random, exported to build/bench-infer and used again. Times do not depend on weights.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export async function benchModels({ student, teacher }) {
  return {
    student: resolve(student ?? (await made("distilbert-base"))),
    teacher: resolve(teacher ?? (await made("bert-base"))),
  };
}

async function made(name) {
  const folder = join(ROOT, "build/bench-infer", name);
  if (existsSync(folder)) return folder;
  process.stderr.write(`making ${folder}\n`);
  const { saveTaskModel } = await import("../../dist/hub/task-model.js");
  const { exportModel } = await import("../../dist/export/export.js");
  const { bertBase } = await import("../../dist/families/bert.js");
  const { distilBertBase } = await import("../../dist/families/distilbert.js");
  const { SequenceClassifier } = await import("../../dist/models/sequence-classifier.js");
  const { manualSeed } = await import("../../dist/engine/tensor/random.js");
  const config = name === "bert-base" ? bertBase : distilBertBase;
  const labels = ["negative", "positive"];
  manualSeed(1);
  const model = new SequenceClassifier(config, labels.length).materialise();
  const [saved, aside] = [`${folder}.saved`, `${folder}.new`];
  for (const path of [saved, aside]) rmSync(path, { recursive: true, force: true });
  await saveTaskModel(saved, model, {
    head: { kind: "classification", labels },
    tokenizer: await vocabularyOf(config.vocabSize),
    card: "",
  });
  model.dispose();
  await exportModel({
    ...{ model: saved, out: aside, task: null, dtypes: ["fp32", "int8"] },
    ...{ trimVocab: null, text: null, check: null, maxDrop: 0.01, force: true },
  });
  rmSync(saved, { recursive: true });
  renameSync(aside, folder);
  return folder;
}

/** The embedded teacher's word pieces, and as many that never occur as a published vocabulary has more. */
async function vocabularyOf(size) {
  const { loadTokenizer } = await import("../../dist/text/tokenizer.js");
  const folder = join(ROOT, "build/bench-infer", "vocabulary");
  mkdirSync(folder, { recursive: true });
  const pieces = readFileSync(join(ROOT, "assets/teacher/vocab.txt"), "utf8").trimEnd().split("\n");
  const unused = Array.from({ length: size - pieces.length }, (_, i) => `[unused${i}]`);
  writeFileSync(join(folder, "vocab.txt"), `${[...pieces, ...unused].join("\n")}\n`);
  return loadTokenizer(folder);
}
