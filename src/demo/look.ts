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

/** Sentences of our own for a look at what the models guess. */
export const maskedSentences = [
  "The [MASK] was built in the nineteenth century .",
  "If the file does not exist , the command returns an [MASK] .",
  "You can use this option to [MASK] the default value .",
  "She was born in London and studied at the [MASK] of Oxford .",
];

/** Timed one at a time: CPU time per sentence. */
export const timedSentences = [
  "The river runs through the old town and into the sea.",
  "Nobody had expected the second experiment to work better than the first one.",
  "Install the package, restart the server, and check that the log holds no errors.",
  "In the winter the road over the pass is closed for several months.",
  "A smaller model that answers in time is worth more than a larger one that does not.",
  "The committee met twice a year until the war, and never again after it.",
];
