import type { TextExample } from "../../kinds/task.js";
import { sequenceOf } from "../../text/model-inputs.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { Feature } from "../task-batches.js";

/**
 * [CLS] first [SEP], or [CLS] first [SEP] second [SEP], cut to `sequenceLength` tokens; of a pair the longer text is cut
 * first.
 */
export async function textFeatures(
  examples: readonly TextExample[],
  tokenizer: Tokenizer,
  { sequenceLength }: { sequenceLength: number },
): Promise<Feature[]> {
  const firsts = await tokenizer.encodeIds(examples.map(({ first }) => first));
  const seconds = await tokenizer.encodeIds(examples.map(({ second }) => second ?? ""));
  return examples.map(({ second, label }, i) => {
    const texts = { first: firsts[i] as Uint32Array, second: second === null ? null : (seconds[i] as Uint32Array) };
    return { ...sequenceOf(texts, tokenizer.ids, sequenceLength), targets: label === null ? [] : [label] };
  });
}
