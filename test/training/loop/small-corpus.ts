import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Purpose, philox } from "../../../src/data/philox.js";
import { prepare } from "../../../src/data/prepare.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { bertBase } from "../../../src/families/bert.js";
import type { EncoderConfig } from "../../../src/families/config.js";
import { saveMaskedLm } from "../../../src/hub/model-loading.js";
import { MaskedLm } from "../../../src/models/masked-lm.js";
import type { Tokenizer } from "../../../src/text/tokenizer.js";
import { trainWordPiece } from "../../../src/text/wordpiece.js";

const TOPICS = 8;
const TOPIC_WORDS = 6;
const CONSONANTS = ["b", "d", "f", "k", "l", "m", "n", "r"];
const VOWELS = ["a", "e", "i", "o", "u", "y"];

/** A prepared corpus, with the tokenizer that was learned from it. */
export interface SmallCorpus {
  /** The dataset. */
  data: string;
  tokenizer: Tokenizer;
}

/**
 * Documents of a hundred words, each on one of eight topics of six words: whoever sees what a text is about can guess a
 * word of it in one of six, and otherwise in one of 48.
 */
function documents(count: number): string[] {
  const words = new Uint32Array(4);
  let draws = 0;
  const draw = (below: number): number => {
    philox(words, 1, Purpose.order, [draws++, 0, 0, 0]);
    return (words[0] ?? 0) % below;
  };
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 100 }, () => wordOf(i % TOPICS, draw(TOPIC_WORDS))).join(" "),
  );
}

/** "bada", "bede", …: every topic has its own consonant. */
function wordOf(topic: number, index: number): string {
  const vowel = VOWELS[index] ?? "";
  return `${CONSONANTS[topic]}${vowel}${CONSONANTS[(topic + index + 1) % TOPICS]}${vowel}`;
}

/** Prepares the corpus in a folder of its own below `folder`. */
export async function smallCorpus(folder: string): Promise<SmallCorpus> {
  const text = documents(160);
  const path = join(folder, "corpus.txt");
  writeFileSync(path, `${text.join("\n\n")}\n`);
  async function* stream() {
    yield* text;
  }
  const tokenizer = await trainWordPiece(stream(), { vocabSize: 120 });
  await tokenizer.save(join(folder, "tokenizer"));
  const data = join(folder, "data");
  await prepare({ corpus: [path], tokenizer: join(folder, "tokenizer"), out: data, heldOut: 0.1, workers: 0 });
  return { data, tokenizer };
}

/** Writes a model folder with random weights. */
export async function untrainedModel(
  path: string,
  tokenizer: Tokenizer,
  changes: Partial<EncoderConfig> = {},
): Promise<string> {
  manualSeed(4);
  using model = new MaskedLm({ ...bertConfig, vocabSize: tokenizer.vocabSize, ...changes }).materialise();
  await saveMaskedLm(path, model, { tokenizer, card: "" });
  return path;
}

const bertConfig: EncoderConfig = {
  ...bertBase,
  vocabSize: 0,
  hiddenSize: 16,
  layers: 3,
  heads: 2,
  intermediateSize: 32,
  maxPositions: 24,
  pooler: false,
  dropout: 0.1,
  attentionDropout: 0.1,
  initializerRange: 0.1,
};
