import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { formatModelCard } from "../../src/hub/card.js";
import { readModelFolder, writeModelFolder } from "../../src/hub/folder.js";
import { openSafetensors } from "../../src/hub/safetensors.js";
import { needs, PYTHON, python } from "../needs.js";
import { temporaryFolder } from "../storage/temporary-folder.js";
import { f32, parameterShapes } from "./example-model.js";
import { writeSafetensors } from "./write-safetensors.js";

// Importing torch and transformers takes most of it, a minute on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const references = needs(python("huggingface_hub", "safetensors", "torch", "transformers"));

function runPython(program: string, ...args: string[]): string {
  return execFileSync(PYTHON, ["-c", program, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

test("Python's safetensors reads what is written here, bit for bit", references, () => {
  const path = join(temporaryFolder(), "ours.safetensors");
  writeSafetensors(
    path,
    [
      ["float", f32([2, 2], [1.5, -0, 3e-40, 1e38])],
      ["brain", { dtype: "bfloat16", shape: [2], bytes: Uint8Array.of(0x80, 0x3f, 0, 0xc0) }],
      ["half", { dtype: "float16", shape: [1], bytes: Uint8Array.of(0, 0x3c) }],
      ["long", { dtype: "int64", shape: [1], bytes: Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127) }],
      ["mask", { dtype: "bool", shape: [3], bytes: Uint8Array.of(1, 0, 1) }],
      ["empty", f32([0, 4], [])],
      ["scalar", f32([], [7])],
    ],
    { format: "pt", note: "ü" },
  );
  const program = `
import json, sys, torch
from safetensors import safe_open
with safe_open(sys.argv[1], "pt") as f:
    tensors = {k: f.get_tensor(k) for k in f.keys()}
    print(json.dumps([f.metadata(), {k: [str(t.dtype), list(t.shape), t.tolist()] for k, t in tensors.items()}]))`;
  expect(JSON.parse(runPython(program, path))).toEqual([
    { format: "pt", note: "ü" },
    {
      float: ["torch.float32", [2, 2], [[1.5, -0], [3e-40, 1e38].map(Math.fround)]],
      brain: ["torch.bfloat16", [2], [1, -2]],
      half: ["torch.float16", [1], [1]],
      long: ["torch.int64", [1], [Number(2n ** 63n - 1n)]],
      mask: ["torch.bool", [3], [true, false, true]],
      empty: ["torch.float32", [0, 4], []],
      scalar: ["torch.float32", [], 7],
    },
  ]);
});

test("what Python's safetensors writes is read here, bit for bit", references, () => {
  const path = join(temporaryFolder(), "theirs.safetensors");
  const program = `
import sys, torch
from safetensors.torch import save_file
dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool]
save_file({str(d): torch.tensor([[0, 1, 2]], dtype=d) for d in dtypes}, sys.argv[1], {"format": "pt"})`;
  runPython(program, path);
  using file = openSafetensors(path);
  expect(file.metadata).toEqual({ format: "pt" });
  expect(file.names).toHaveLength(8);
  for (const name of file.names) expect(file.entry(name)).toMatchObject({ dtype: name.slice(6), shape: [1, 3] });
  expect([...new Float64Array(file.read("torch.float64").buffer)]).toEqual([0, 1, 2]);
  expect([...new Float32Array(file.read("torch.float32").buffer)]).toEqual([0, 1, 2]);
  expect([...file.read("torch.bfloat16")]).toEqual([0, 0, 0x80, 0x3f, 0, 0x40]);
  expect([...new BigInt64Array(file.read("torch.int64").buffer)]).toEqual([0n, 1n, 2n]);
  expect([...file.read("torch.bool")]).toEqual([0, 1, 1]);
});

/** What transformers writes is opened here, written again, and opened by transformers. */
const CASES = [
  { architecture: "BertModel", family: "bert", parts: { mlm: false, pooler: true }, shards: false },
  { architecture: "BertForMaskedLM", family: "bert", parts: { mlm: true }, shards: false },
  { architecture: "BertForMaskedLM", family: "bert", parts: { mlm: true }, shards: true },
  { architecture: "DistilBertModel", family: "distilbert", parts: { mlm: false }, shards: false },
  { architecture: "DistilBertForMaskedLM", family: "distilbert", parts: { mlm: true }, shards: false },
] as const;

const MAKE = `
import json, sys, torch, transformers
from transformers import BertConfig, DistilBertConfig
torch.manual_seed(1)
for folder, name, shards in json.loads(sys.argv[1]):
    if name.startswith("Distil"):
        config = DistilBertConfig(vocab_size=6, dim=4, n_layers=2, n_heads=2, hidden_dim=8, max_position_embeddings=5)
    else:
        config = BertConfig(vocab_size=6, hidden_size=4, num_hidden_layers=2, num_attention_heads=2,
                            intermediate_size=8, max_position_embeddings=5)
    model = getattr(transformers, name)(config)
    for p in model.parameters(): torch.nn.init.normal_(p)
    model.save_pretrained(folder, **({"max_shard_size": 600} if shards else {}))`;

const COMPARE = `
import json, sys, torch, transformers
results = []
for ours, theirs, name in json.loads(sys.argv[1]):
    Model = getattr(transformers, name)
    model, info = Model.from_pretrained(ours, output_loading_info=True)
    reference = Model.from_pretrained(theirs)
    states = zip(model.state_dict().values(), reference.state_dict().values(), strict=True)
    ids = torch.arange(5).view(1, 5)
    results.append({
        "complaints": {k: list(v) for k, v in info.items() if v},
        "same": all(torch.equal(a, b) for a, b in states),
        "sameOutput": torch.equal(model.eval()(ids)[0], reference.eval()(ids)[0]),
    })
print(json.dumps(results))`;

test("transformers' models go in and out with no key missing or unexpected", references, async () => {
  const folder = temporaryFolder();
  const theirs = CASES.map((_, i) => join(folder, `theirs-${i}`));
  const ours = CASES.map((_, i) => join(folder, `ours-${i}`));
  runPython(MAKE, JSON.stringify(CASES.map(({ architecture, shards }, i) => [theirs[i], architecture, shards])));
  for (const [i, { family, parts }] of CASES.entries()) await copyModel(theirs[i] ?? "", ours[i] ?? "", family, parts);
  const compared = runPython(
    COMPARE,
    JSON.stringify(CASES.map(({ architecture }, i) => [ours[i], theirs[i], architecture])),
  );
  expect(JSON.parse(compared)).toEqual(CASES.map(() => ({ complaints: {}, same: true, sameOutput: true })));
});

async function copyModel(
  from: string,
  to: string,
  family: string,
  parts: { mlm: boolean; pooler?: boolean },
): Promise<void> {
  using model = readModelFolder(from);
  const { weights, config } = model;
  weights.expect(parameterShapes(family, parts));
  const tensors = weights.names.map(
    (name) => [name, { ...weights.entry(name), bytes: () => weights.read(name) }] as const,
  );
  await writeModelFolder({ path: to, config, tensors, card: "# ours\n", saveTokenizer: () => {} });
}

test("a BertForPreTraining's MLM head and pooler are read, its NSP head is left", references, () => {
  const theirs = join(temporaryFolder(), "theirs");
  runPython(MAKE, JSON.stringify([[theirs, "BertForPreTraining", false]]));
  using model = readModelFolder(theirs);
  model.weights.expect(parameterShapes("bert", { mlm: true }));
  model.weights.expect(parameterShapes("bert", { mlm: true, pooler: true }));
});

test("the Hub's own parser reads the model card", references, () => {
  const path = join(temporaryFolder(), "README.md");
  const card = { title: "T", summary: "S: x", license: "apache-2.0", language: "no", tags: ["a: b", "distilbert"] };
  writeFileSync(path, formatModelCard({ ...card, baseModel: "org/base", kind: "masked-words" }));
  const program = `
import json, sys
from huggingface_hub import ModelCard
print(json.dumps(ModelCard.load(sys.argv[1]).data.to_dict()))`;
  expect(JSON.parse(runPython(program, path))).toEqual({
    language: "no",
    license: "apache-2.0",
    library_name: "transformers",
    pipeline_tag: "fill-mask",
    base_model: "org/base",
    tags: ["a: b", "distilbert"],
  });
});
