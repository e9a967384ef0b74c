import { ConfigError, FormatError } from "../errors.js";
import { bert } from "./bert.js";
import type { EncoderConfig } from "./config.js";
import { distilBert } from "./distilbert.js";
import type { Family, StudentShape } from "./family.js";

const registry = new Map<string, Family>();
for (const family of [bert, distilBert]) registry.set(family.modelType, family);

/**
 * Makes a model family known to all that reads or writes models.
 *
 * @throws ConfigError when its model type is another's
 */
export function registerFamily(family: Family): void {
  const known = registry.get(family.modelType);
  if (known !== undefined && known !== family) {
    throw new ConfigError(`model type ${JSON.stringify(family.modelType)} is ${known.title}'s: choose another.`);
  }
  registry.set(family.modelType, family);
}

/** Names of the files that a model's tokenizer may come in, whatever its family. */
export function tokenizerFiles(): string[] {
  const own = [...registry.values()].flatMap((family) => family.tokenizerFiles);
  return ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", ...own];
}

/**
 * The family of a config.json.
 *
 * @param path named in errors
 * @throws FormatError when it names none that is known
 */
export function familyOf(json: unknown, path: string): Family {
  const modelType = (json as { model_type?: unknown } | null | undefined)?.model_type;
  const family = typeof modelType === "string" ? registry.get(modelType) : undefined;
  if (family !== undefined) return family;
  const known = new Intl.ListFormat("en", { type: "disjunction" }).format(registry.keys());
  const got = modelType === undefined ? "none" : JSON.stringify(modelType).slice(0, 100);
  throw new FormatError(path, `model_type: expected ${known}, got ${got}. Give a model of one of these families.`);
}

/**
 * The family that an encoder's structure is written as.
 *
 * @throws ConfigError when it is not registered
 */
export function familyNamed({ family: modelType }: Pick<EncoderConfig, "family">): Family {
  const family = registry.get(modelType);
  if (family !== undefined) return family;
  throw new ConfigError(`model family ${JSON.stringify(modelType)} is not known: give its record to registerFamily.`);
}

/**
 * Reads Hugging Face's config.json.
 *
 * @param path named in errors
 * @throws FormatError for another model type, a missing or wrong value, or heads that do not divide the hidden size
 */
export function fromHuggingFace(json: unknown, path: string): EncoderConfig {
  const config = familyOf(json, path).parse(json, path);
  if (config.hiddenSize % config.heads === 0) return config;
  throw new FormatError(path, `hidden size ${config.hiddenSize} is not a multiple of ${config.heads} attention heads.`);
}

/**
 * Hugging Face's config.json for this structure.
 *
 * @param head which class of transformers loads it, without the family's prefix: "Model", "ForMaskedLM"
 */
export function toHuggingFace(config: EncoderConfig, head: string): Record<string, unknown> {
  const family = familyNamed(config);
  return {
    model_type: family.modelType,
    architectures: [architectureOf(family, head)],
    dtype: "float32",
    ...family.format(config),
  };
}

/** The class of transformers for a family's models with this head: "BertForMaskedLM". */
export function architectureOf({ classPrefix }: Family, head: string): string {
  return `${classPrefix}${head}`;
}

/** The structure of a teacher's student, as the teacher's family has it. */
export function studentConfig(teacher: EncoderConfig, shape: StudentShape): EncoderConfig {
  return familyNamed(teacher).student(teacher, shape);
}
