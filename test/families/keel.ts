import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { bertBase } from "../../src/families/bert.js";
import { distilBertStudent } from "../../src/families/distilbert.js";
import type { Family } from "../../src/families/family.js";
import { openSafetensors, type TensorSource } from "../../src/hub/safetensors.js";
import { writeSafetensors } from "../hub/write-safetensors.js";

/** A family of these tests' own: BERT's structure, other names, and positions that start at the third row. */
const OFFSET = 2;

const configJson = z.object({
  model_type: z.literal("keel"),
  words: z.number(),
  beam: z.number(),
  planks: z.number(),
  oars: z.number(),
  hold: z.number(),
  berths: z.number(),
  decks: z.number(),
  spray: z.number(),
  spread: z.number(),
});

export const keel: Family = {
  modelType: "keel",
  title: "Keel",
  classPrefix: "Keel",
  tokenizerFiles: ["vocab.txt"],
  names: {
    prefix: "hull.",
    encoder: [
      ["embeddings.word", "words"],
      ["embeddings.position", "berths"],
      ["embeddings.tokenType", "decks"],
      ["embeddings.norm", "waterline"],
      ["layers.*.attention.qkv", "plank.*.ask", "plank.*.offer", "plank.*.give"],
      ["layers.*.attention.output", "plank.*.join"],
      ["layers.*.attentionNorm", "plank.*.trim"],
      ["layers.*.ffn.up", "plank.*.rise"],
      ["layers.*.ffn.down", "plank.*.fall"],
      ["layers.*.ffnNorm", "plank.*.level"],
      ["pooler", "rudder"],
    ],
    heads: [
      ["mlm.transform", "crow.turn"],
      ["mlm.norm", "crow.level"],
      ["mlm", "crow"],
      ["preClassifier", "watch"],
      ["classifier", "verdict"],
    ],
    tied: { "crow.words.weight": "embeddings.word.weight" },
    ignored: /^ballast$/,
  },
  parse: (json) => {
    const { words, beam, planks, oars, hold, berths, decks, spray, spread } = configJson.parse(json);
    const isStudent = decks === 0;
    return {
      ...bertBase,
      ...{ family: "keel", vocabSize: words, hiddenSize: beam, layers: planks, heads: oars, intermediateSize: hold },
      ...{ maxPositions: berths - OFFSET, positionOffset: OFFSET, tokenTypes: decks, initializerRange: spread },
      ...{ dropout: spray, attentionDropout: spray, classifierDropout: isStudent ? 0.2 : null },
      ...{ pooler: !isStudent, attentionOutputDropout: !isStudent, preClassifier: isStudent ? "relu" : null },
    };
  },
  format: (config) => ({
    words: config.vocabSize,
    beam: config.hiddenSize,
    planks: config.layers,
    oars: config.heads,
    hold: config.intermediateSize,
    berths: config.maxPositions + config.positionOffset,
    decks: config.tokenTypes,
    spray: config.dropout,
    spread: config.initializerRange,
  }),
  student: (teacher, shape) => ({ ...distilBertStudent(teacher, shape), family: "keel", positionOffset: OFFSET }),
};

/** What BERT's and DistilBERT's files call what a keel's call otherwise; written out again, as a check of the record. */
const RENAMED: readonly (readonly [bert: RegExp, keel: string])[] = [
  [/^(distil)?bert\./, "hull."],
  [/embeddings\.word_embeddings\./, "words."],
  [/embeddings\.position_embeddings\./, "berths."],
  [/embeddings\.token_type_embeddings\./, "decks."],
  [/embeddings\.LayerNorm\./, "waterline."],
  [/(encoder|transformer)\.layer\./, "plank."],
  [/\.attention\.(self\.query|q_lin)\./, ".ask."],
  [/\.attention\.(self\.key|k_lin)\./, ".offer."],
  [/\.attention\.(self\.value|v_lin)\./, ".give."],
  [/\.attention\.(output\.dense|out_lin)\./, ".join."],
  [/\.(attention\.output\.LayerNorm|sa_layer_norm)\./, ".trim."],
  [/\.(intermediate\.dense|ffn\.lin1)\./, ".rise."],
  [/\.(output\.dense|ffn\.lin2)\./, ".fall."],
  [/\.(output\.LayerNorm|output_layer_norm)\./, ".level."],
  [/pooler\.dense\./, "rudder."],
  [/^(cls\.predictions\.transform\.dense|vocab_transform)\./, "crow.turn."],
  [/^(cls\.predictions\.transform\.LayerNorm|vocab_layer_norm)\./, "crow.level."],
  [/^(cls\.predictions|vocab_projector)\./, "crow."],
  [/^pre_classifier\./, "watch."],
  [/^classifier\./, "verdict."],
];

/** Writes the keel of a BERT's or a DistilBERT's weights, in another folder. */
export function writeAsKeel(from: string, to: string): string {
  mkdirSync(to);
  const json = JSON.parse(readFileSync(join(from, "config.json"), "utf8"));
  const config = {
    model_type: "keel",
    architectures: json.architectures.map((name: string) => name.replace(/^(Distil)?Bert/, "Keel")),
    ...{ words: json.vocab_size, beam: json.hidden_size ?? json.dim, planks: json.num_hidden_layers ?? json.n_layers },
    ...{ oars: json.num_attention_heads ?? json.n_heads, hold: json.intermediate_size ?? json.hidden_dim },
    ...{ berths: json.max_position_embeddings + OFFSET, decks: json.type_vocab_size ?? 0 },
    ...{ spray: json.hidden_dropout_prob ?? json.dropout, spread: json.initializer_range },
    ...(json.id2label === undefined ? {} : { id2label: json.id2label, problem_type: json.problem_type }),
  };
  writeFileSync(join(to, "config.json"), JSON.stringify(config));
  for (const name of ["tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"]) {
    writeFileSync(join(to, name), readFileSync(join(from, name)));
  }
  using file = openSafetensors(join(from, "model.safetensors"));
  const tensors = file.names.map((name): [string, TensorSource] => {
    const renamed = RENAMED.reduce((given, [bert, ours]) => given.replace(bert, ours), name);
    const tensor = { ...file.entry(name), bytes: file.read(name) };
    return [renamed, renamed === "hull.berths.weight" ? withRowsBefore(tensor) : tensor];
  });
  writeSafetensors(join(to, "model.safetensors"), tensors, { format: "pt" });
  return to;
}

/** Rows that no token may have anything of. */
function withRowsBefore({ dtype, shape, bytes }: TensorSource & { bytes: Uint8Array }): TensorSource {
  const [rows = 0, columns = 0] = shape;
  const before = new Float32Array(OFFSET * columns).fill(1e6);
  return { dtype, shape: [OFFSET + rows, columns], bytes: Buffer.concat([new Uint8Array(before.buffer), bytes]) };
}
