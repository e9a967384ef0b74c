import { KIND_RECORDS, type Kind } from "./kinds.js";

/** A sequence of a batch [B, S]. */
interface BatchRow {
  readonly row: number;
  readonly B: number;
  readonly S: number;
  /** Real tokens of the sequence. */
  readonly tokens: number;
}

/**
 * What a kind's outputs say of one sequence, without padding: a view where there is one output, else all of them, one
 * after the other.
 *
 * @param outputs whole, by their names
 */
export function sequenceOutput(
  kind: Kind,
  outputs: ReadonlyMap<string, Float32Array>,
  { row, B, S, tokens }: BatchRow,
): Float32Array {
  const parts = KIND_RECORDS[kind].outputs.map(({ name, shape }) => {
    const values = outputs.get(name) ?? new Float32Array(0);
    const isByToken = shape.includes("sequence_length");
    const size = values.length / (isByToken ? B * S : B);
    const [from, to] = isByToken ? [row * S, row * S + tokens] : [row, row + 1];
    return values.subarray(from * size, to * size);
  });
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
