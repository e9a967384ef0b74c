import { noGrad } from "../engine/tensor/autograd.js";
import { tensor } from "../engine/tensor/create.js";
import { TensorScope } from "../engine/tensor/scope.js";
import type { LoadedModel } from "../hub/model-loading.js";
import { median } from "../numbers.js";

/** The likeliest words at the first [MASK] of a text, best first. */
export async function fillMask({ model, tokenizer }: LoadedModel, text: string, count: number): Promise<string[]> {
  const [ids = new Uint32Array()] = await tokenizer.encodeIds([text], { addSpecialTokens: true });
  const position = ids.indexOf(tokenizer.ids.mask);
  using _scope = new TensorScope();
  const best = noGrad(() => {
    const inputIds = tensor(Int32Array.from(ids), { shape: [1, ids.length], dtype: "int64" });
    const hidden = model.encoder.forward({ inputIds, mask: null }, { training: false });
    const [, indices] = model.decode(model.transform(hidden.select(1, position))).topk(count);
    return indices.toInt32Array();
  });
  return [...best].map((id) => tokenizer.idToToken(id) ?? "?");
}

/** CPU milliseconds (all threads) to encode a sentence and score every word, one sentence at a time: the median. */
export async function cpuMsPerSentence(
  { model, tokenizer }: LoadedModel,
  sentences: readonly string[],
): Promise<number> {
  const encoded = await tokenizer.encodeIds(sentences, { addSpecialTokens: true });
  const times: number[] = [];
  for (let round = 0; round < 6; round++) {
    for (const ids of encoded) {
      using _scope = new TensorScope();
      const before = process.cpuUsage();
      noGrad(() => {
        const inputIds = tensor(Int32Array.from(ids), { shape: [1, ids.length], dtype: "int64" });
        model.forward({ inputIds, mask: null }, { training: false }).toBytes();
      });
      const { user, system } = process.cpuUsage(before);
      if (round > 0) times.push((user + system) / 1000); // The first round warms up.
    }
  }
  return median(times);
}
