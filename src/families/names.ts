import { ConfigError } from "../errors.js";
import type { TensorEntries, TensorSource } from "../hub/safetensors.js";

/** A model family, as `model_type` in config.json says. */
export type Family = "bert" | "distilbert";

export function isFamily(value: unknown): value is Family {
  return value === "bert" || value === "distilbert";
}

/** Our module, and the Hugging Face module or modules whose rows it holds one after the other; `*` is the layer. */
type Row = readonly [ours: string, ...theirs: string[]];

interface NameTable {
  /** Modules of the encoder: behind `prefix` in a model with a head, bare in one without. */
  readonly encoder: readonly Row[];
  /** Modules of heads, which never have the prefix. */
  readonly heads: readonly Row[];
  /** Second names of a parameter, with ours: present in some files, and then equal. */
  readonly tied: Readonly<Record<string, string>>;
}

const NAMES: Readonly<Record<Family, NameTable>> = {
  bert: {
    encoder: [
      ["embeddings.word", "embeddings.word_embeddings"],
      ["embeddings.position", "embeddings.position_embeddings"],
      ["embeddings.tokenType", "embeddings.token_type_embeddings"],
      ["embeddings.norm", "embeddings.LayerNorm"],
      [
        "layers.*.attention.qkv",
        "encoder.layer.*.attention.self.query",
        "encoder.layer.*.attention.self.key",
        "encoder.layer.*.attention.self.value",
      ],
      ["layers.*.attention.output", "encoder.layer.*.attention.output.dense"],
      ["layers.*.attentionNorm", "encoder.layer.*.attention.output.LayerNorm"],
      ["layers.*.ffn.up", "encoder.layer.*.intermediate.dense"],
      ["layers.*.ffn.down", "encoder.layer.*.output.dense"],
      ["layers.*.ffnNorm", "encoder.layer.*.output.LayerNorm"],
      ["pooler", "pooler.dense"],
    ],
    heads: [
      ["mlm.transform", "cls.predictions.transform.dense"],
      ["mlm.norm", "cls.predictions.transform.LayerNorm"],
      ["mlm", "cls.predictions"],
      ["classifier", "classifier"],
      ["qaOutputs", "qa_outputs"],
    ],
    tied: {
      "cls.predictions.decoder.weight": "embeddings.word.weight",
      "cls.predictions.decoder.bias": "mlm.bias",
    },
  },
  distilbert: {
    encoder: [
      ["embeddings.word", "embeddings.word_embeddings"],
      ["embeddings.position", "embeddings.position_embeddings"],
      ["embeddings.norm", "embeddings.LayerNorm"],
      [
        "layers.*.attention.qkv",
        "transformer.layer.*.attention.q_lin",
        "transformer.layer.*.attention.k_lin",
        "transformer.layer.*.attention.v_lin",
      ],
      ["layers.*.attention.output", "transformer.layer.*.attention.out_lin"],
      ["layers.*.attentionNorm", "transformer.layer.*.sa_layer_norm"],
      ["layers.*.ffn.up", "transformer.layer.*.ffn.lin1"],
      ["layers.*.ffn.down", "transformer.layer.*.ffn.lin2"],
      ["layers.*.ffnNorm", "transformer.layer.*.output_layer_norm"],
    ],
    heads: [
      ["mlm.transform", "vocab_transform"],
      ["mlm.norm", "vocab_layer_norm"],
      ["mlm", "vocab_projector"],
      ["preClassifier", "pre_classifier"],
      ["classifier", "classifier"],
      ["qaOutputs", "qa_outputs"],
    ],
    tied: { "vocab_projector.weight": "embeddings.word.weight" },
  },
};

// Buffers that follow from the shape, and next-sentence prediction, which nothing here uses.
const IGNORED = /^embeddings\.(position_ids|token_type_ids)$|^cls\.seq_relationship\.(weight|bias)$/;

/** What a name in a file stands for. */
export type FileName =
  | { readonly kind: "parameter"; readonly ours: string; readonly part: number; readonly parts: number }
  | { readonly kind: "tied"; readonly ours: string }
  | { readonly kind: "ignored" }
  | { readonly kind: "unknown" };

/**
 * Reads a Hugging Face parameter name, with or without the model's prefix, gamma and beta as old files have them.
 *
 * `part` of `parts` says which rows of our parameter it holds: query, key and value are one.
 */
export function fromHuggingFaceName(family: Family, name: string): FileName {
  const { encoder, heads, tied } = NAMES[family];
  const bare = name.startsWith(`${family}.`) ? name.slice(family.length + 1) : name;
  const modern = bare.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias");
  const tiedTo = Object.hasOwn(tied, modern) ? tied[modern] : undefined;
  if (tiedTo !== undefined) return { kind: "tied", ours: tiedTo };
  if (IGNORED.test(modern)) return { kind: "ignored" };
  const { module, layer, leaf } = splitName(modern);
  for (const [ours, ...theirs] of [...encoder, ...heads]) {
    const part = theirs.indexOf(module);
    if (part >= 0 && (leaf === "weight" || leaf === "bias")) {
      return { kind: "parameter", ours: `${ours.replace("*", layer)}.${leaf}`, part, parts: theirs.length };
    }
  }
  return { kind: "unknown" };
}

/**
 * The Hugging Face names of one of our parameters: three for query, key and value, else one.
 *
 * @param options.bare whether the model is an encoder without a head, whose names have no prefix
 * @throws ConfigError for a name the family does not have
 */
export function toHuggingFaceNames(family: Family, name: string, options: { bare: boolean }): string[] {
  const { encoder, heads } = NAMES[family];
  const { module, layer, leaf } = splitName(name);
  const prefix = options.bare ? "" : `${family}.`;
  const inEncoder = encoder.find(([ours]) => ours === module);
  const [, ...theirs] = inEncoder ?? heads.find(([ours]) => ours === module) ?? [""];
  if (theirs.length === 0) {
    throw new ConfigError(`parameter "${name}" has no name in Hugging Face's ${family}: expected one of its own.`);
  }
  return theirs.map((their) => `${inEncoder ? prefix : ""}${their.replace("*", layer)}.${leaf}`);
}

/** Whether an architecture of config.json (`BertModel`, `BertForMaskedLM`) is an encoder without a head. */
export function isBareArchitecture(architecture: string): boolean {
  return /^(Distil)?BertModel$/.test(architecture);
}

/** Our parameters under their Hugging Face names, query, key and value split; bytes stay lazy. */
export function* toHuggingFaceEntries(
  tensors: TensorEntries,
  { family, bare }: { family: Family; bare: boolean },
): Generator<readonly [string, TensorSource]> {
  for (const [name, tensor] of tensors) {
    const names = toHuggingFaceNames(family, name, { bare });
    for (const [part, theirs] of names.entries()) {
      yield [theirs, names.length === 1 ? tensor : rowsOf(tensor, { name, part, parts: names.length })];
    }
  }
}

/** One of `parts` equal runs of rows. */
function rowsOf(
  tensor: TensorSource,
  { name, part, parts }: { name: string; part: number; parts: number },
): TensorSource {
  const [rows = 0, ...rest] = tensor.shape;
  if (rows % parts !== 0)
    throw new ConfigError(`parameter "${name}" has ${rows} rows: expected a multiple of ${parts}.`);
  const bytes = (): Uint8Array => {
    const all = typeof tensor.bytes === "function" ? tensor.bytes() : tensor.bytes;
    const each = all.byteLength / parts;
    return all.subarray(part * each, (part + 1) * each);
  };
  return { dtype: tensor.dtype, shape: [rows / parts, ...rest], bytes };
}

/** `layers.3.ffn.up.weight` → module `layers.*.ffn.up`, layer "3", leaf `weight`. */
function splitName(name: string): { module: string; layer: string; leaf: string } {
  const dot = name.lastIndexOf(".");
  const layer = /\.(0|[1-9]\d*)\./.exec(name)?.[1] ?? "";
  const module = name.slice(0, Math.max(dot, 0));
  return { module: layer === "" ? module : module.replace(`.${layer}.`, ".*."), layer, leaf: name.slice(dot + 1) };
}
