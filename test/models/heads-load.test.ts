import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/tensor/autograd.js";
import { tensor } from "../../src/engine/tensor/create.js";
import { manualSeed } from "../../src/engine/tensor/random.js";
import { liveTensors, tidy } from "../../src/engine/tensor/scope.js";
import { bertBase } from "../../src/families/bert.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { studentConfig } from "../../src/families/families.js";
import { saveTaskModel, type TaskHead, type TaskModel } from "../../src/hub/task-model.js";
import { QuestionAnswering } from "../../src/models/question-answering.js";
import { SequenceClassifier } from "../../src/models/sequence-classifier.js";
import { needs, PYTHON, python } from "../needs.js";
import { relativeError } from "./closeness.js";
import { additiveMask } from "./golden.js";
import { smallTokenizer } from "./small-tokenizer.js";

const bert: EncoderConfig = {
  ...bertBase,
  vocabSize: 101,
  hiddenSize: 24,
  layers: 2,
  heads: 3,
  intermediateSize: 40,
  maxPositions: 20,
  classifierDropout: 0.3,
  initializerRange: 0.3,
};
const distilBert = { ...studentConfig(bert, { layers: 2 }), classifierDropout: 0.4, answerDropout: 0.5 };
const heads: Record<TaskHead["kind"], TaskHead> = {
  classification: { kind: "classification", labels: ["no", "yes", "it is neither"] },
  regression: { kind: "regression" },
  "question-answering": { kind: "question-answering" },
};
const models = [bert, distilBert].flatMap((config) =>
  Object.values(heads).map((head) => ({ name: `${config.family}-${head.kind}`, config, head })),
);

interface Loaded {
  wrong: Record<string, string[]>;
  parameters: number;
  labels: string[];
  problemType: string | null;
  inputIds: number[][];
  attentionMask: number[][];
  results: Record<string, number[]>;
}

describe(
  "Python transformers loads what is written here",
  needs(python("torch", "transformers", "safetensors")),
  () => {
    let folder: string;
    let before: number;
    const path = (name: string): string => join(folder, name);
    const written = new Map<string, TaskModel>();
    let loaded: Record<string, Loaded>;

    beforeAll(async () => {
      before = liveTensors();
      folder = mkdtempSync(join(tmpdir(), "limbeck-heads-"));
      const tokenizer = await smallTokenizer(join(folder, "vocabulary"));
      for (const { name, config, head } of models) {
        const model = randomised(create(config, head));
        await saveTaskModel(path(name), model, { head, tokenizer, card: "" });
        written.set(name, model);
      }
      const script = fileURLToPath(new URL("transformers-load.py", import.meta.url));
      loaded = JSON.parse(execFileSync(PYTHON, [script, ...[...written.keys()].map(path)], { encoding: "utf8" }));
    }, 300_000); // Importing torch and transformers takes a minute on a busy machine.
    afterAll(() => {
      for (const model of written.values()) model.dispose();
      rmSync(folder, { recursive: true });
      expect(liveTensors()).toBe(before);
    });

    describe.each(models)("$name", ({ name, head }) => {
      test("with no missing, unexpected or mismatched key", () => {
        const { wrong, parameters } = loaded[path(name)] as Loaded;
        for (const [kind, keys] of Object.entries(wrong)) expect(keys, kind).toEqual([]);
        expect(parameters).toBe(written.get(name)?.parameterCount());
      });

      test("with its labels and the kind of its task", () => {
        const { labels, problemType } = loaded[path(name)] as Loaded;
        const expected = {
          classification: [["no", "yes", "it is neither"], "single_label_classification"],
          regression: [["LABEL_0"], "regression"],
          "question-answering": [["LABEL_0", "LABEL_1"], null], // transformers' own: start and end.
        };
        expect([labels, problemType]).toEqual(expected[head.kind]);
      });

      test("and computes the same", () => {
        const { inputIds, attentionMask, results } = loaded[path(name)] as Loaded;
        const ours = compute(written.get(name) as TaskModel, inputIds, attentionMask.flat());
        const { logits, start_logits = [], end_logits = [] } = results;
        const theirs = logits ?? start_logits.flatMap((start, i) => [start, end_logits[i] as number]);
        expect(relativeError(ours, Float32Array.from(theirs))).toBeLessThan(1e-5);
      });
    });
  },
);

function create(config: EncoderConfig, head: TaskHead): TaskModel {
  if (head.kind === "question-answering") return new QuestionAnswering(config);
  return new SequenceClassifier(config, head.kind === "regression" ? 1 : head.labels.length);
}

/** Initial values, then norms and biases moved off 1 and 0: a name that was mixed up would show. */
function randomised(model: TaskModel): TaskModel {
  manualSeed(4);
  model.materialise();
  for (const [name, { value }] of model.namedParameters()) {
    if (name.endsWith("bias") || /[nN]orm/.test(name)) tidy(() => void value.add_(value.clone().normal_(0, 0.3)));
  }
  return model;
}

function compute(model: TaskModel, ids: number[][], real: number[]): Float32Array {
  const run = () =>
    model.forward(
      { inputIds: tensor(ids, { dtype: "int64" }), mask: additiveMask(real, [2, 10]) },
      { training: false },
    );
  return noGrad(() => tidy(() => [run().toFloat32Array()]))[0] as Float32Array;
}
