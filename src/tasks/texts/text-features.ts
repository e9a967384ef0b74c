import type { TextExample } from "../../kinds/task.js";
import { cutLongestFirst } from "../../text/cut.js";
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
  const { cls, sep } = tokenizer.ids;
  return examples.map(({ second, label }, i) => {
    const isPair = second !== null;
    const all: [Uint32Array, Uint32Array] = [firsts[i] as Uint32Array, seconds[i] as Uint32Array];
    const [a, b] = cutLongestFirst(all, { room: sequenceLength - (isPair ? 3 : 2), limit: sequenceLength });
    const inputIds = Int32Array.from(isPair ? [cls, ...a, sep, ...b, sep] : [cls, ...a, sep]);
    const tokenTypeIds = new Uint8Array(inputIds.length).fill(1, a.length + 2);
    return { inputIds, tokenTypeIds, targets: label === null ? [] : [label] };
  });
}
