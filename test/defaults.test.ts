import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { createProgram } from "../src/cli/program.js";
import { createMasker } from "../src/data/masking.js";
import { prepare } from "../src/data/prepare.js";
import { fromHuggingFace } from "../src/families/families.js";
import { openModel as openInBrowser } from "../src/infer/browser.js";
import { openModel } from "../src/infer/node.js";
import type { Runtime } from "../src/infer/runtime.js";
import { createRun } from "../src/runs/run.js";
import { loadTokenizer } from "../src/text/tokenizer.js";
import { trainWordPiece } from "../src/text/wordpiece.js";
import { madeUpCorpus, tokenizerFolder } from "./data/made-up-text.js";
import { filled } from "./hub/example-model.js";
import { TEACHER } from "./infer/exported-models.js";
import { temporaryFolder } from "./storage/temporary-folder.js";

// What an option is where nobody gives it. Of the pipelines in infer/: test/infer/limits.test.ts; of the training loop:
// test/training/loop/arithmetic.test.ts.

test("masks are the paper's, rarer tokens more often, as the authors have it", () => {
  const vocabulary = { vocabSize: 60, maskId: 4, specialIds: new Set([0, 1, 2, 3, 4]) };
  const tokenCounts = Array.from({ length: 60 }, (_, id) => 1 + id * id);
  const byDefault = createMasker({ ...vocabulary, tokenCounts });
  const given = { share: 0.15, maskShare: 0.8, randomShare: 0.1, smoothing: 0.7 };
  const explicit = createMasker({ ...vocabulary, tokenCounts, ...given });
  const changed = [{ share: 0.16 }, { maskShare: 0.79 }, { randomShare: 0.11 }, { smoothing: 0.69 }].map((change) =>
    createMasker({ ...vocabulary, tokenCounts, ...given, ...change }),
  );
  const ids = Int32Array.from({ length: 500 }, (_, i) => 5 + ((i * 7) % 55));
  const seen = (masker: ReturnType<typeof createMasker>) =>
    Array.from({ length: 40 }, (_, index) => `${masker.mask(ids, { seed: 1, epoch: 0, index }).inputIds}`).join();
  expect(seen(byDefault) === seen(explicit)).toBe(true);
  for (const other of changed) expect(seen(byDefault) === seen(other)).toBe(false);
});

test("a corpus is prepared with a hundredth held out, of 200,000 tokens at most, in shards of 2^25", async () => {
  const out = join(temporaryFolder(), "dataset");
  const { options } = await prepare({ corpus: [madeUpCorpus(30)], tokenizer: tokenizerFolder(), out });
  expect(options).toMatchObject({ heldOut: 0.01, heldOutTokens: 200_000, shardTokens: 2 ** 25 });
});

describe("a tokenizer", () => {
  async function* texts() {
    yield "Peter Piper picked a peck of pickled peppers; éclair, Éclair! ".repeat(2);
    yield "once";
  }

  test("is learned in lower case, of pairs seen twice, of the thousand commonest characters", async () => {
    const byDefault = await trainWordPiece(texts(), { vocabSize: 200 });
    const given = { vocabSize: 200, lowercase: true, minFrequency: 2, limitAlphabet: 1000 };
    expect(byDefault.hash).toBe((await trainWordPiece(texts(), given)).hash);
    for (const change of [{ lowercase: false }, { minFrequency: 1 }, { minFrequency: 3 }, { limitAlphabet: 10 }]) {
      expect((await trainWordPiece(texts(), { ...given, ...change })).hash).not.toBe(byDefault.hash);
    }
  });

  test("that a folder says nothing of lower-cases and splits Chinese characters", async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, "vocab.txt"),
      ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "中", "文", ""].join("\n"),
    );
    const tokenizer = await loadTokenizer(folder);
    expect(await tokenizer.encodeIds(["A中文Á"])).toEqual([Uint32Array.of(5, 6, 7, 5)]);
    expect(await tokenizer.decode([2, 5, 3])).toBe("a");
    expect(await tokenizer.decode([2, 5, 3], { skipSpecialTokens: false })).toBe("[CLS] a [SEP]");
  });
});

test("a run keeps two checkpoints, and tells of a damaged one on standard error", () => {
  using run = createRun(join(temporaryFolder(), "run"), {});
  for (const step of [1, 2, 3]) {
    run.saveCheckpoint(step, { model: [["w", filled([1], step)]], optimizer: [], state: {} });
  }
  expect(run.checkpointSteps).toEqual([3, 2]);
  writeFileSync(join(run.directory, "checkpoints/step-3/state.json"), "{}");
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  run.latestCheckpoint()?.close();
  expect(write.mock.calls).toEqual([[expect.stringMatching(/Going on from step-2, the one before\.\n$/)]]);
  vi.restoreAllMocks();
});

describe("a config.json that names no more than sizes", () => {
  const none = { vocab_size: 100, max_position_embeddings: 20 };

  test("is a BERT's of transformers", () => {
    const sizes = { hidden_size: 12, num_hidden_layers: 2, num_attention_heads: 3, intermediate_size: 24 };
    expect(fromHuggingFace({ ...none, ...sizes, model_type: "bert" }, "config.json")).toMatchObject({
      ...{ dropout: 0.1, attentionDropout: 0.1, classifierDropout: null, answerDropout: 0 },
      ...{ activation: "gelu", layerNormEps: 1e-12, initializerRange: 0.02, padTokenId: 0, tokenTypes: 2 },
    });
  });

  test("is a DistilBERT's of transformers", () => {
    const sizes = { dim: 12, n_layers: 2, n_heads: 3, hidden_dim: 24 };
    expect(fromHuggingFace({ ...none, ...sizes, model_type: "distilbert" }, "config.json")).toMatchObject({
      ...{ dropout: 0.1, attentionDropout: 0.1, classifierDropout: 0.2, answerDropout: 0.1 },
      ...{ activation: "gelu", layerNormEps: 1e-12, initializerRange: 0.02, padTokenId: 0, tokenTypes: 0 },
    });
  });
});

describe("an exported model is opened", () => {
  /** A folder with all there can be, and a runtime that says what it was to open, and no more. */
  function shop() {
    const folder = temporaryFolder();
    for (const name of ["config.json", "tokenizer.json"]) cpSync(join(TEACHER, name), join(folder, name));
    mkdirSync(join(folder, "onnx"));
    for (const name of ["model", "model_fp16", "model_quantized", "model_ort_quantized"]) {
      writeFileSync(join(folder, `onnx/${name}.onnx`), name);
    }
    const opened: [source: string, options: object | undefined][] = [];
    const create = async (source: string | Uint8Array, options?: object) => {
      opened.push([
        typeof source === "string" ? source.slice(folder.length + 1) : Buffer.from(source).toString(),
        options,
      ]);
      throw new Error("that will do");
    };
    return { folder, opened, runtime: { InferenceSession: { create } } as unknown as Runtime };
  }

  test("in Node in fp32, and in int8 from the file that is fused, with the runtime's own threads", async () => {
    const { folder, opened, runtime } = shop();
    await expect(openModel(folder, { runtime })).rejects.toThrow("that will do");
    await expect(openModel(folder, { runtime, dtype: "int8" })).rejects.toThrow("that will do");
    await expect(openModel(folder, { runtime, dtype: "int8", fused: false, threads: 2 })).rejects.toThrow(
      "that will do",
    );
    expect(opened).toEqual([
      ["onnx/model.onnx", { logSeverityLevel: 4 }],
      ["onnx/model_ort_quantized.onnx", { logSeverityLevel: 4 }],
      ["onnx/model_quantized.onnx", { logSeverityLevel: 4, intraOpNumThreads: 2, interOpNumThreads: 1 }],
    ]);
  });

  test("in a browser in int8, from the file that any runtime reads", async () => {
    const { folder, opened, runtime } = shop();
    const { readFile } = await import("node:fs/promises");
    const fetch = async (url: URL) => new Response(await readFile(join(folder, url.pathname)));
    const options = { runtime, fetch: fetch as unknown as typeof globalThis.fetch };
    await expect(openInBrowser("https://example.org/", options)).rejects.toThrow("that will do");
    await expect(openInBrowser("https://example.org/", { ...options, fused: true })).rejects.toThrow("that will do");
    await expect(openInBrowser("https://example.org/", { ...options, dtype: "fp32" })).rejects.toThrow("that will do");
    expect(opened.map(([source]) => source)).toEqual(["model_quantized", "model_ort_quantized", "model"]);
  });
});

test("commands have these defaults", () => {
  const defaults = createProgram().commands.flatMap((command) =>
    command.options
      .filter(({ defaultValue }) => defaultValue !== undefined)
      .map(({ long, defaultValue }) => `${command.name()} ${long} ${JSON.stringify(defaultValue)}`),
  );
  expect(defaults.sort().join("\n")).toMatchInlineSnapshot(`
    "ablate --device "cpu"
    ablate --distill-seeds 1
    ablate --evaluate-every 100
    ablate --held-out-sequences 256
    ablate --log-every 10
    ablate --save-every 500
    ablate --save-every-minutes 10
    ablate --seeds 5
    demo --seconds 150
    distill --device "cpu"
    distill --evaluate-every 100
    distill --held-out-sequences 256
    distill --log-every 10
    distill --save-every 500
    distill --save-every-minutes 10
    evaluate --device "cpu"
    export --dtype ["fp32","fp16","int8"]
    export --max-drop 0.01
    finetune --device "cpu"
    finetune --log-every 10
    finetune --save-every 500
    finetune --save-every-minutes 10
    glue --device "cpu"
    glue --log-every 10
    glue --save-every 500
    glue --save-every-minutes 10
    glue --seeds 5
    measure --precision "float32"
    measure --runtime "torch"
    playground --host "127.0.0.1"
    playground --port 8642
    predict --dtype "fp32"
    predict --top 5
    prepare --held-out 0.01
    prepare --held-out-tokens 200000
    prepare --shard-tokens 33554432
    pretrain --device "cpu"
    pretrain --evaluate-every 100
    pretrain --held-out-sequences 256
    pretrain --log-every 10
    pretrain --save-every 500
    pretrain --save-every-minutes 10
    tokenizer --limit-alphabet 1000
    tokenizer --min-frequency 2"
  `);
});
