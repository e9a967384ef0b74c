import { Purpose, philox } from "../../src/data/philox.js";
import type { Examples, QuestionExample, Split, TaskData, TextExample } from "../../src/kinds/task.js";
import type { FinetuneRecipe } from "../../src/recipes/finetune-recipe.js";

/** For models of 16 on texts of eight words: seconds. */
export const smallFinetuning: FinetuneRecipe = {
  kind: "finetune",
  sequenceLength: 24,
  windowStride: 4,
  maxAnswerLength: 6,
  nBest: 5,
  nullThreshold: 0,
  trainExamples: null,
  dropout: null,
  stepSequences: 16,
  microBatchTokens: 200,
  epochs: 4,
  steps: null,
  evaluationsPerEpoch: 2,
  keep: "best",
  alphaHard: 0.5,
  alphaSoft: 0.5,
  temperature: 2,
  peakLearningRate: 1e-2,
  warmupShare: 0.1,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEps: 1e-8,
  weightDecay: 0.01,
  clipNorm: 1,
  precision: "float32",
  seed: 1,
};

const CONSONANTS = ["b", "d", "f", "k", "l", "m", "n", "r"];
const VOWELS = ["a", "e", "i", "o", "u", "y"];

/** A word of one of eight topics, as the small corpus has them. */
function wordOf(topic: number, index: number): string {
  const vowel = VOWELS[index] ?? "";
  return `${CONSONANTS[topic]}${vowel}${CONSONANTS[(topic + index + 1) % 8]}${vowel}`;
}

function drawer(seed: number): (below: number) => number {
  const words = new Uint32Array(4);
  let draws = 0;
  return (below) => {
    philox(words, seed, Purpose.order, [draws++, 0, 0, 0]);
    return (words[0] ?? 0) % below;
  };
}

/** Texts of one topic each. */
function textExamples(split: Split, count: number, labelOf: (topic: number) => number): TextExample[] {
  const draw = drawer(split === "train" ? 7 : 8);
  return Array.from({ length: count }, (_, i) => {
    const topic = draw(8);
    const text = Array.from({ length: 3 + draw(8) }, () => wordOf(topic, draw(6))).join(" ");
    return { id: String(i), first: text, second: null, label: split === "test" ? null : labelOf(topic) };
  });
}

const sizes: Partial<Record<Split, number>> = { train: 160, validation: 48, test: 10 };

function reader<E>(make: (split: Split, count: number) => E[]) {
  return async (split: Split): Promise<Examples<E>> => ({ examples: make(split, sizes[split] ?? 0), skipped: 0 });
}

/** Which half of the topics a text is on. */
export const topicTask: TaskData = {
  task: {
    kind: "classification",
    name: "topics",
    title: "Topics",
    metrics: ["accuracy", "f1"],
    score: ["accuracy"],
    evaluationSplits: ["validation"],
    labels: ["low", "high"],
    isPair: false,
  },
  read: reader((split, count) => textExamples(split, count, (topic) => (topic < 4 ? 0 : 1))),
};

/** The number of a text's topic, from −1 to 1. */
export const numberTask: TaskData = {
  task: {
    kind: "regression",
    name: "numbers",
    title: "Numbers",
    metrics: ["pearson", "spearman"],
    score: ["pearson", "spearman"],
    evaluationSplits: ["validation"],
    isPair: false,
    range: null,
  },
  read: reader((split, count) => textExamples(split, count, (topic) => topic / 3.5 - 1)),
};

/** Where the first word of another topic stands, in a passage that takes two windows. */
export const questionTask: TaskData = {
  task: {
    kind: "question-answering",
    name: "strangers",
    title: "Strangers",
    metrics: ["exactMatch", "squadF1"],
    score: ["squadF1"],
    evaluationSplits: ["validation"],
    hasUnanswerable: false,
  },
  read: reader((split, count): QuestionExample[] => {
    const draw = drawer(split === "train" ? 17 : 18);
    return Array.from({ length: count }, (_, i) => {
      const topic = draw(8);
      const at = draw(20);
      const words = Array.from({ length: 20 }, (_, w) => wordOf((topic + (w === at ? 1 + draw(7) : 0)) % 8, draw(6)));
      const start = words.slice(0, at).reduce((sum, word) => sum + word.length + 1, 0);
      const context = words.join(" ");
      return { id: `q${i}`, question: wordOf(topic, draw(6)), context, answers: [{ text: words[at] ?? "", start }] };
    });
  }),
};
