import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needs, PYTHON, python } from "../needs.js";
import { KINDS, nameOf, SmallModels } from "./small-models.js";

interface Looked {
  missing: string[];
  unexpected: string[];
  tokens: number[];
  files: Record<
    string,
    {
      outputs: Record<string, (number | string)[]>;
      domains: string[];
      opset: number;
      differences: Record<string, number>;
    }
  >;
}

const OUTPUTS: Record<string, Record<string, (number | string)[]>> = {
  "fill-mask": { logits: ["batch_size", "sequence_length", 57] },
  "question-answer": {
    start_logits: ["batch_size", "sequence_length"],
    end_logits: ["batch_size", "sequence_length"],
  },
  embed: { last_hidden_state: ["batch_size", "sequence_length", 32] },
};

describe(
  "Python takes what is exported",
  needs(python("numpy", "onnx", "onnxruntime", "torch", "transformers")),
  () => {
    const models = new SmallModels();
    const folders = new Map<string, string>();
    let looked: Record<string, Looked>;

    beforeAll(async () => {
      for (const kind of KINDS) {
        folders.set(nameOf(kind), (await models.export(await models.make(kind))).out);
      }
      const script = fileURLToPath(new URL("onnx-python.py", import.meta.url));
      looked = JSON.parse(execFileSync(PYTHON, [script, ...folders.values()], { encoding: "utf8" }));
    }, 300_000);
    afterAll(() => models[Symbol.dispose]());

    describe.each(KINDS.map((kind) => [nameOf(kind), kind] as const))("%s", (name, { task, labelCount }) => {
      const of = (): Looked => looked[folders.get(name) ?? ""] as Looked;

      test("transformers loads the folder with no missing or unexpected key, and its tokenizer", () => {
        const { missing, unexpected, tokens } = of();
        expect({ missing, unexpected }).toEqual({ missing: [], unexpected: [] });
        expect(tokens).toEqual([2, 5, 6, 33, 3]); // [CLS] a b ##c [SEP]
      });

      test("onnx's checker and shape inference agree with the shapes that are declared", () => {
        const outputs = OUTPUTS[task] ?? { logits: ["batch_size", labelCount ?? 0] };
        const { files } = of();
        expect(Object.keys(files)).toHaveLength(4);
        for (const [file, found] of Object.entries(files)) {
          expect(found.opset, file).toBe(17);
          expect(found.domains, file).toEqual(file.includes("_ort") ? ["com.microsoft"] : []);
          expect(found.outputs, file).toEqual(outputs);
        }
      });

      test("onnxruntime computes what transformers computes", () => {
        const { files } = of();
        for (const [file, { differences }] of Object.entries(files)) {
          const most = file === "model.onnx" ? 1e-4 : file === "model_fp16.onnx" ? 0.1 : 1;
          for (const difference of Object.values(differences)) expect(difference, file).toBeLessThan(most);
        }
      });
    });
  },
);
