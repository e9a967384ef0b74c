import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { fillMask } from "../../src/demo/look.js";
import { readModelFolder } from "../../src/hub/folder.js";
import { loadMaskedLm } from "../../src/hub/model-loading.js";

const folder = fileURLToPath(new URL("../../assets/teacher", import.meta.url));

describe("the embedded teacher", () => {
  test("is a BERT of 12 layers of 128 with 8,000 word pieces, in bf16", async () => {
    using teacher = readModelFolder(folder);
    expect(teacher.config).toMatchObject({
      model_type: "bert",
      num_hidden_layers: 12,
      hidden_size: 128,
      vocab_size: 8000,
    });
    expect(teacher.weights.entry("layers.11.ffn.up.weight")).toMatchObject({ dtype: "bfloat16", shape: [512, 128] });
  });

  test("takes at most 8 MB", () => {
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(bytes).toBeLessThan(8e6);
  });

  test("reads the words around the mask", async () => {
    const loaded = await loadMaskedLm(folder, { device: "cpu", productDType: "float32" });
    using _model = loaded.model;
    const guess = (text: string) => fillMask(loaded, text, 5);
    expect(await guess("she was born in london and studied at the [MASK] of oxford .")).toContain("university");
    expect(await guess("he was born in new [MASK] city .")).toContain("york");
    expect(await guess("the united [MASK] of america .")).toContain("states");
  });
});
