import { KIND_RECORDS, type Kind } from "../kinds/kinds.js";
import { argmax } from "../numbers.js";
import { percent } from "../quantities.js";
import type { Runner } from "./runners.js";
import type { Sample, SampleBatch } from "./sample.js";

/** How far a file's outputs are from Limbeck's own on the same text. */
export interface Difference {
  /** Of any output: a logit, or an element of a hidden state. */
  readonly largest: number;
  /** Share of masked tokens, labels, or starts and ends of answers that stay the same; null where nothing is chosen. */
  readonly agreement: number | null;
  /** Mean KL divergence of what is predicted, nats; null where no distribution is. */
  readonly divergence: number | null;
  /** Mean cosine of embeddings, averaged over their tokens; null for other tasks. */
  readonly cosine: number | null;
}

type Outputs = ReadonlyMap<string, Float32Array>;

/** Running sums over the batches of a sample. */
interface Sums {
  largest: number;
  choices: number;
  same: number;
  divergence: number;
  cosines: number;
  texts: number;
}

/** What the reference says to each batch of a sample, in order. */
export async function outputsOf(runner: Runner, { batches }: Sample): Promise<Outputs[]> {
  const outputs: Outputs[] = [];
  for (const batch of batches) outputs.push(await runner.run(batch));
  return outputs;
}

/** Compares what a file says with what the reference said. */
export async function differenceOf(
  runner: Runner,
  sample: Sample,
  { expected, kind }: { expected: readonly Outputs[]; kind: Kind },
): Promise<Difference> {
  const sums: Sums = { largest: 0, choices: 0, same: 0, divergence: 0, cosines: 0, texts: 0 };
  for (const [i, batch] of sample.batches.entries()) {
    addBatch(sums, batch, { kind, actual: await runner.run(batch), expected: expected[i] as Outputs });
  }
  return {
    largest: sums.largest,
    agreement: sums.choices === 0 ? null : sums.same / sums.choices,
    divergence: sums.choices === 0 ? null : sums.divergence / sums.choices,
    cosine: sums.texts === 0 ? null : sums.cosines / sums.texts,
  };
}

function addBatch(
  sums: Sums,
  batch: SampleBatch,
  { kind, actual, expected }: { kind: Kind; actual: Outputs; expected: Outputs },
): void {
  const { rowsOf, add } = COMPARISONS[kind];
  for (const { name, shape } of KIND_RECORDS[kind].outputs) {
    const [ours, theirs] = [expected, actual].map((all) => all.get(name) ?? new Float32Array(0)) as Pair;
    const size = ours.length / (shape.includes("sequence_length") ? batch.B * batch.S : batch.B);
    const rows = rowsOf(batch).map(
      (row) => [ours, theirs].map((all) => all.subarray(row * size, (row + 1) * size)) as Pair,
    );
    for (const row of rows) sums.largest = Math.max(sums.largest, largestDifference(...row));
    add(sums, { rows, texts: () => sequences(batch, [ours, theirs], size), size });
  }
}

/** The same part of what the reference says and of what a file says. */
type Pair = [ours: Float32Array, theirs: Float32Array];

/** What of an output is compared: its rows, or what stands at each text's real tokens. */
interface Compared {
  readonly rows: readonly Pair[];
  texts(): readonly Pair[];
  /** Of a row. */
  readonly size: number;
}

/** How a kind's outputs are compared: which rows of them count, and what is made of them. */
interface Comparison {
  rowsOf(batch: SampleBatch): readonly number[];
  add(sums: Sums, compared: Compared): void;
}

const COMPARISONS: Readonly<Record<Kind, Comparison>> = {
  "masked-words": { rowsOf: ({ masked }) => masked, add: (sums, { rows }) => addChoices(sums, rows) },
  classification: { rowsOf: textRows, add: (sums, { rows, size }) => addChoices(sums, size > 1 ? rows : []) },
  regression: { rowsOf: textRows, add: () => {} },
  "question-answering": { rowsOf: realTokens, add: (sums, { texts }) => addChoices(sums, texts()) },
  embedding: { rowsOf: realTokens, add: (sums, { texts, size }) => addCosines(sums, texts(), size) },
};

function textRows({ B }: SampleBatch): readonly number[] {
  return Array.from({ length: B }, (_, row) => row);
}

function realTokens({ B, S, attentionMask }: SampleBatch): readonly number[] {
  return [...(attentionMask ?? new Uint8Array(B * S).fill(1))].flatMap((isReal, i) => (isReal === 1 ? [i] : []));
}

/** The same part of two outputs for every sequence, without its padding. */
function sequences({ B, S, attentionMask }: SampleBatch, [ours, theirs]: Pair, size: number): Pair[] {
  return Array.from({ length: B }, (_, row) => {
    const tokens = attentionMask?.subarray(row * S, (row + 1) * S).reduce((sum, isReal) => sum + isReal, 0) ?? S;
    const part = (all: Float32Array) => all.subarray(row * S * size, (row * S + tokens) * size);
    return [part(ours), part(theirs)];
  });
}

function addChoices(sums: Sums, pairs: readonly Pair[]): void {
  for (const [ours, theirs] of pairs) {
    sums.choices++;
    if (argmax(ours) === argmax(theirs)) sums.same++;
    sums.divergence += divergence(ours, theirs);
  }
}

function addCosines(sums: Sums, texts: readonly Pair[], size: number): void {
  for (const [ours, theirs] of texts) {
    sums.cosines += cosine(meanOf(ours, size), meanOf(theirs, size));
    sums.texts++;
  }
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY; // Of what is no number, nothing can be said.
    largest = Math.max(largest, difference);
  }
  return largest;
}

/** Σ p (log p − log q), with p and q the softmax of both. */
function divergence(ours: Float32Array, theirs: Float32Array): number {
  const [a, b] = [logNormaliser(ours), logNormaliser(theirs)];
  return ours.reduce((sum, value, i) => sum + Math.exp(value - a) * (value - a - ((theirs[i] as number) - b)), 0);
}

function logNormaliser(logits: Float32Array): number {
  const largest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return largest + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

function meanOf(tokens: Float32Array, size: number): Float64Array {
  const mean = new Float64Array(size);
  for (let i = 0; i < tokens.length; i++) mean[i % size] = (mean[i % size] ?? 0) + (tokens[i] as number);
  return mean;
}

function cosine(a: Float64Array, b: Float64Array): number {
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** "at most 0.12, 98.2 % the same, KL 0.004": what of a difference there is. */
export function differenceWords({ largest, agreement, divergence, cosine }: Difference): string {
  return [
    `at most ${largest.toPrecision(2)}`,
    ...(agreement === null ? [] : [`${percent(agreement)} the same`]),
    ...(divergence === null ? [] : [`KL ${Math.max(0, divergence).toPrecision(2)}`]),
    ...(cosine === null ? [] : [`cosine ${cosine.toFixed(5)}`]),
  ].join(", ");
}
