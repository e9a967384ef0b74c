import { philox, toUnit } from "../../data/philox.js";
import { FormatError } from "../../errors.js";
import { openTask } from "../../tasks/open.js";

/** Pairs to be passed through. */
export interface MeasuredPairs {
  readonly source: "STS-B" | "made up";
  /** The folder they were read from; null for those that are made up. */
  readonly path: string | null;
  readonly pairs: readonly SentencePair[];
}

/**
 * The pairs of STS-B's dev set.
 *
 * @param folder STS-B's own, or GLUE's
 * @throws FormatError when it is not there, holds no rows, or a row is not as it should be
 */
export async function readStsPairs(folder: string): Promise<MeasuredPairs> {
  const { examples } = await openTask("stsb", folder).read("validation", { skipBadRows: false });
  const pairs = examples.flatMap((example): SentencePair[] =>
    "first" in example ? [{ first: example.first, second: example.second ?? "" }] : [],
  );
  if (pairs.length === 0) throw new FormatError(folder, "expected pairs in STS-B's dev set, got none.");
  return { source: "STS-B", path: folder, pairs };
}

/** As many pairs, of the same lengths, for whoever has not got them. */
export function madeUpStsPairs(): MeasuredPairs {
  return { source: "made up", path: null, pairs: madeUpPairs(STS_B_DEV_PAIRS) };
}

/** Two sentences, as a task of pairs has them. */
export interface SentencePair {
  readonly first: string;
  readonly second: string;
}

/** As many as there are in the dev set of STS-B. */
export const STS_B_DEV_PAIRS = 1500;

/** Words and signs of both sentences, in STS-B's dev set: its least, 5 %, 10 %, … 95 % and its most. */
const LENGTHS = [8, 12, 13, 14, 15, 16, 17, 18, 19, 21, 23, 26, 28, 30, 32, 35, 37, 40, 44, 52, 76];
/** How much the two differ, as a share of both: 0 %, 25 %, 50 %, 75 %, 95 % of them, and the most. */
const DIFFERENCES = [0, 0.04, 0.083, 0.158, 0.257];

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;
const SILVER_RATIO = Math.sqrt(2) - 1;
const SEED = 3;
const PURPOSE = 100; // A stream of its own: see Purpose in random.ts.

// Captions, headlines and answers in forums, as STS-B has them: common words and some that are cut into pieces.
const WORDS = {
  determiner: ["A", "The", "One", "Another", "This", "Some"],
  adjective: [
    ...["young", "large", "white", "old", "small", "black", "new", "local", "former", "red", "federal", "second"],
    ...["political", "brown", "senior", "quarterly", "muddy", "unidentified"],
  ],
  noun: [
    ...["man", "woman", "dog", "company", "government", "group", "child", "horse", "president", "court", "team"],
    ...["report", "market", "cat", "question", "answer", "street", "house", "city", "police", "minister", "bank"],
    ...["guitar", "skateboarder", "toddler", "shareholder", "broccoli", "trampoline", "prosecutors", "spokeswoman"],
  ],
  verb: [
    ...["is holding", "is playing", "said about", "is watching", "was near", "has seen", "is riding", "rejected"],
    ...["is cutting", "announced", "would like", "is slicing", "was strumming", "reiterated"],
  ],
  preposition: ["in", "on", "with", "near", "from", "for", "at", "after", "behind", "during"],
  name: ["Washington", "Syria", "Reuters", "Wednesday", "Microsoft", "Mr. Bush", "Mursi", "Wal-Mart", "30", "2003"],
  joint: [", and", "because", ", while", ", but", "that"],
} as const;

/**
 * Pairs of sentences as long as STS-B's, for whoever has not got them: made of a few patterns, the same every time, and
 * in any number distributed as in the whole.
 */
export function madeUpPairs(count: number): SentencePair[] {
  return Array.from({ length: count }, (_, i) => {
    const total = Math.round(between(LENGTHS, fraction((i + 0.5) * GOLDEN_RATIO)));
    const difference = (total * between(DIFFERENCES, fraction((i + 0.5) * SILVER_RATIO))) / 2;
    const longer = Math.round(total / 2 + difference);
    const lengths = i % 2 === 0 ? [longer, total - longer] : [total - longer, longer];
    return { first: sentence(i, 0, lengths[0] ?? 0), second: sentence(i, 1, lengths[1] ?? 0) };
  });
}

/** Exactly `length` words and signs, the last of them a full stop. */
function sentence(pair: number, side: number, length: number): string {
  const words: string[] = [];
  const draws = new Uint32Array(4);
  const put = (kind: keyof typeof WORDS) => {
    philox(draws, SEED, PURPOSE, [pair, side, words.length, 0]);
    const choices = WORDS[kind];
    const chosen = choices[Math.floor(toUnit(draws[0] ?? 0) * choices.length)] ?? "";
    words.push(...(words.length === 0 ? chosen : chosen.replace(/^(A|The|One|Another|This|Some)$/, lower)).split(" "));
  };
  const thing = () => {
    put("determiner");
    if (draws[1] !== undefined && draws[1] % 2 === 0) put("adjective");
    put("noun");
  };
  for (let clause = 0; words.length < length; clause++) {
    if (clause > 0) put("joint");
    thing();
    put("verb");
    thing();
    put("preposition");
    if (clause % 2 === 0) thing();
    else put("name");
  }
  const text = words.join(" ").replaceAll(" ,", ",");
  return `${firstSigns(text, length - 1)}.`;
}

const SIGN = /[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu;

function firstSigns(text: string, count: number): string {
  const last = [...text.matchAll(SIGN)][count - 1];
  return last === undefined ? text : text.slice(0, last.index + last[0].length);
}

function lower(word: string): string {
  return word.toLowerCase();
}

/** The value at a share of a list of quantiles, evenly spaced. */
function between(quantiles: readonly number[], share: number): number {
  const at = share * (quantiles.length - 1);
  const [below = 0, above = below] = [quantiles[Math.floor(at)], quantiles[Math.ceil(at)]];
  return below + (at - Math.floor(at)) * (above - below);
}

function fraction(value: number): number {
  return value - Math.floor(value);
}
