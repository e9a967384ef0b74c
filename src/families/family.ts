import { ConfigError } from "../errors.js";
import type { EncoderConfig } from "./config.js";

/**
 * All that is known of a model family, and no tensor: one record for each `model_type`, given to `registerFamily`.
 *
 * What it has of structure it says as values of an EncoderConfig.
 */
export interface Family {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** In prose: "BERT". */
  readonly title: string;
  /** What its classes in transformers begin with: "Bert", of BertModel and BertForMaskedLM. */
  readonly classPrefix: string;
  readonly names: ParameterNames;
  /** Files that its tokenizer comes in, besides tokenizer.json and the settings that all have. */
  readonly tokenizerFiles: readonly string[];
  /**
   * Reads its config.json.
   *
   * @param path named in errors
   * @throws FormatError for a missing or wrong value
   */
  parse(json: unknown, path: string): EncoderConfig;
  /** config.json's values for a structure, but for `model_type`, `architectures` and `dtype`. */
  format(config: EncoderConfig): Record<string, unknown>;
  /** The student of one of its models: which family, and which structure. */
  student(teacher: EncoderConfig, shape: StudentShape): EncoderConfig;
}

/** What a student is chosen by. */
export interface StudentShape {
  readonly layers: number;
}

/** Our module, and the module or modules of files whose rows it holds one after the other; `*` is the layer. */
type Row = readonly [ours: string, ...theirs: string[]];

/** How the parameters of a family are named in files. */
export interface ParameterNames {
  /** Stands before modules of the encoder in a model with a head: "bert." */
  readonly prefix: string;
  readonly encoder: readonly Row[];
  /** Modules of heads, which never have the prefix. */
  readonly heads: readonly Row[];
  /** Second names of a parameter, with ours: present in some files, and then equal. */
  readonly tied: Readonly<Record<string, string>>;
  /** Names without the prefix that nothing here uses. */
  readonly ignored: RegExp;
}

/** What a name in a file stands for. */
type FileName =
  | { readonly kind: "parameter"; readonly ours: string; readonly part: number; readonly parts: number }
  | { readonly kind: "tied"; readonly ours: string }
  | { readonly kind: "ignored" }
  | { readonly kind: "unknown" };

/**
 * Reads a parameter's name in a file, with or without the model's prefix, gamma and beta as old files have them.
 *
 * `part` of `parts` says which rows of our parameter it holds: query, key and value are one.
 */
export function fromFileName({ names }: Family, name: string): FileName {
  const { prefix, encoder, heads, tied, ignored } = names;
  const bare = prefix !== "" && name.startsWith(prefix) ? name.slice(prefix.length) : name;
  const modern = bare.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias");
  const tiedTo = Object.hasOwn(tied, modern) ? tied[modern] : undefined;
  if (tiedTo !== undefined) return { kind: "tied", ours: tiedTo };
  if (ignored.test(modern)) return { kind: "ignored" };
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
 * The names in files of one of our parameters: three for query, key and value, else one.
 *
 * @param options.bare whether the model is an encoder without a head, whose names have no prefix
 * @throws ConfigError for a parameter the family does not have
 */
export function toFileNames({ names, title }: Family, name: string, options: { bare: boolean }): string[] {
  const { module, layer, leaf } = splitName(name);
  const prefix = options.bare ? "" : names.prefix;
  const inEncoder = names.encoder.find(([ours]) => ours === module);
  const [, ...theirs] = inEncoder ?? names.heads.find(([ours]) => ours === module) ?? [""];
  if (theirs.length === 0) {
    throw new ConfigError(`parameter "${name}" has no name in files of ${title}: expected one of its own.`);
  }
  return theirs.map((their) => `${inEncoder ? prefix : ""}${their.replace("*", layer)}.${leaf}`);
}

/** `layers.3.ffn.up.weight` → module `layers.*.ffn.up`, layer "3", leaf `weight`. */
function splitName(name: string): { module: string; layer: string; leaf: string } {
  const dot = name.lastIndexOf(".");
  const layer = /\.(0|[1-9]\d*)\./.exec(name)?.[1] ?? "";
  const module = name.slice(0, Math.max(dot, 0));
  return { module: layer === "" ? module : module.replace(`.${layer}.`, ".*."), layer, leaf: name.slice(dot + 1) };
}
