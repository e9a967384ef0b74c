import type { Kind } from "../../kinds/kinds.js";
import type { Example } from "./description.js";

const LIGHTHOUSE =
  "The lighthouse on the northern cape was finished in 1871, after nine years of work. Its lamp was lit with rapeseed oil until 1904, when the keeper's daughter, Ingrid Solberg, had it changed to paraffin. On clear nights the light is seen from a distance of thirty kilometres. Since 1986 nobody has lived there: the lamp is switched by a sensor, and a boat comes twice a year to clean the glass.";

const BREAD =
  "Sourdough rises without any yeast from a shop. Flour and water are left in a jar for about a week, and fed every day; wild yeasts and bacteria settle in it, and the acid they make keeps other germs away. A dough made with it needs twelve hours to rise, four times as long as one with baker's yeast, but the bread stays fresh for five days.";

const FILL_MASK = [
  "The [MASK] was built in the nineteenth century.",
  "She was born in London and studied at the [MASK] of Oxford.",
  "He opened the [MASK] and looked out at the sea.",
  "The king of [MASK] died in the same year.",
  "The [MASK] of the river is about two hundred [MASK].",
];

const QUESTIONS: readonly (readonly [question: string, passage: string])[] = [
  ["How far is the light seen?", LIGHTHOUSE],
  ["Who changed the lamp to paraffin?", LIGHTHOUSE],
  ["When was the lighthouse finished?", LIGHTHOUSE],
  ["How long does the dough need to rise?", BREAD],
];

const TEXTS = [
  "A quiet film that trusts its audience, and is the better for it.",
  "Two hours of noise, and not one idea in them.",
  "The first half drags, but the ending is worth the wait.",
  "I had hoped for more.",
];

const PAIRS: readonly (readonly [first: string, second: string])[] = [
  ["A man plays the guitar on a stage.", "Somebody is making music."],
  ["The shop opens at nine in the morning.", "The shop is closed before nine."],
  ["The train to the coast was late again.", "She bought apples at the market."],
];

/** Labels of tasks that compare two texts. */
const PAIR_LABELS = /entail|contradict|equivalen|duplicate|similar|paraphrase/i;

type Examples = (labels: readonly string[] | null) => readonly Example[];

const texts: Examples = (labels) =>
  readsPairs(labels) ? pairs() : TEXTS.map((text) => ({ label: text, fields: { text, pair: "" } }));

const EXAMPLES: Readonly<Record<Kind, Examples>> = {
  "masked-words": () => FILL_MASK.map((text) => ({ label: text.replaceAll("[MASK]", "…"), fields: { text } })),
  classification: texts,
  regression: texts,
  "question-answering": () =>
    QUESTIONS.map(([question, context]) => ({ label: question, fields: { question, context } })),
  embedding: pairs,
};

/** What can be tried with one click. */
export function examplesOf(kind: Kind, labels: readonly string[] | null): readonly Example[] {
  return EXAMPLES[kind](labels);
}

/** Whether a classifier's labels say that it compares two texts; a score alone does in GLUE. */
function readsPairs(labels: readonly string[] | null): boolean {
  return labels !== null && (labels.length === 1 || labels.some((label) => PAIR_LABELS.test(label)));
}

function pairs(): readonly Example[] {
  return PAIRS.map(([text, pair]) => ({ label: text, fields: { text, pair } }));
}
