import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExportOptions, exportModel } from "../../src/export/export.js";
import { engineRunner } from "../../src/export/runners.js";
import { openSource } from "../../src/export/source.js";
import { openTask } from "../../src/tasks/open.js";
import { smallFinetuning } from "../tasks/made-up-task.js";
import { SmallModels } from "./small-models.js";

const models = new SmallModels();
afterAll(() => models[Symbol.dispose]());

/** Texts of a few letters, labelled by the model itself: Limbeck's own score is 1, and whatever changes a label costs. */
let path: string;
let check: ExportOptions["check"];

beforeAll(async () => {
  // Almost no difference between its labels: rounding decides.
  path = await models.make({ family: "distilbert", task: "classify", labelCount: 2 });
  const glue = join(models.folder, "glue");
  mkdirSync(join(glue, "SST-2"), { recursive: true });
  const texts = Array.from({ length: 300 }, (_, i) =>
    [...(i * 7919 + 1).toString(26)].map((c) => String.fromCharCode(97 + Number.parseInt(c, 26))).join(" "),
  );
  const labels = await ownLabels(texts);
  const rows = texts.map((text, i) => `${text}\t${labels[i]}`);
  for (const split of ["train", "dev"]) {
    writeFileSync(join(glue, "SST-2", `${split}.tsv`), `sentence\tlabel\n${rows.join("\n")}\n`);
  }
  check = { data: openTask("sst2", glue), recipe: smallFinetuning, examples: null };
});

async function ownLabels(texts: readonly string[]): Promise<number[]> {
  using source = await openSource(path, null);
  const engine = engineRunner(source.shape, source.weights);
  const labels: number[] = [];
  for (const ids of await source.tokenizer.encodeIds(texts, { addSpecialTokens: true })) {
    const [B, S] = [1, ids.length];
    const batch = { inputIds: Int32Array.from(ids), tokenTypeIds: new Uint8Array(S), attentionMask: null, B, S };
    const [no = 0, yes = 0] = (await engine.run(batch)).get("logits") ?? [];
    labels.push(yes > no ? 1 : 0);
  }
  await engine.close();
  return labels;
}

describe("an export that is aborted", () => {
  test.each(["writing onnx/model_fp16.onnx", "comparing with", "checking onnx/model.onnx"])(
    "at %j ends with the signal's reason, and leaves nothing",
    async (line) => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const out = join(models.folder, "aborted");
      const onProgress = (said: string) => said.startsWith(line) && controller.abort(reason);
      const aborted = exportModel({ model: path, out, check: check ?? null, onProgress, signal: controller.signal });
      await expect(aborted).rejects.toBe(reason);
      expect(readdirSync(models.folder).filter((name) => name.includes("aborted"))).toEqual([]);
    },
  );
});

describe("a checked export", () => {
  test("says Limbeck's own score and every file's", async () => {
    const { check: checked, files } = await models.export(path, { check, maxDrop: 0.5 });
    expect(checked).toEqual({ task: "sst2", score: 1 });
    expect(files.map(({ score }) => score)).toEqual([
      1,
      expect.closeTo(1, 1),
      expect.closeTo(1, 0),
      expect.closeTo(1, 0),
    ]);
  });

  test("refuses a file that loses more than it may, and writes nothing", async () => {
    const out = join(models.folder, "refused");
    const before = readdirSync(models.folder);
    const exported = models.export(path, { out, check, maxDrop: 0, dtypes: ["int8"] });
    await expect(exported).rejects.toThrow(
      /^onnx\/model_quantized\.onnx: expected sst2 to keep its score of 1\.0000 within 0\.0 %, got 0\.\d+, .* with --force; nothing was written\.$/,
    );
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(models.folder).filter((name) => name !== "exports")).toEqual(
      before.filter((name) => name !== "exports"),
    );
  });

  test("writes it all the same when told to", async () => {
    const { files } = await models.export(path, { check, maxDrop: 0, dtypes: ["int8"], force: true });
    expect(Math.min(...files.map(({ score }) => score ?? 0))).toBeLessThan(1);
  });

  test("loses nothing of a score of 0", async () => {
    const [texts, labels] = [["a b", "c d e", "f"], await ownLabels(["a b", "c d e", "f"])];
    const wrong = texts.map((text, i) => `${text}\t${1 - (labels[i] ?? 0)}\n`).join("");
    const glue = join(models.folder, "wrong");
    mkdirSync(join(glue, "SST-2"), { recursive: true });
    for (const split of ["train", "dev"])
      writeFileSync(join(glue, "SST-2", `${split}.tsv`), `sentence\tlabel\n${wrong}`);
    const never = { data: openTask("sst2", glue), recipe: smallFinetuning, examples: null };
    const { check: checked } = await models.export(path, { check: never, maxDrop: 0, dtypes: ["fp32"] });
    expect(checked).toEqual({ task: "sst2", score: 0 });
  });

  test("takes no model that was fine-tuned on something else", async () => {
    const other = await models.make({ family: "bert", task: "question-answer" });
    await expect(models.export(other, { check })).rejects.toThrow(/expected a model .*to classify texts/);
  });
});
