// The micro-batches of bench/train.mjs: random tokens of given lengths, 15 % masked, the same on both sides.
import { createMasker, IGNORED } from "../../dist/data/masking.js";

const SPECIAL = { pad: 0, cls: 101, sep: 102, mask: 103 };

/**
 * Floating-point operations a token of sequences of `length`: the teacher's forward pass, and the student's three times, two
 * for each multiplication of a weight or of a score.
 */
export function flopsOf({ vocabSize, hiddenSize: D, layers, intermediateSize }, length) {
  const layer = 4 * D * D + 2 * D * intermediateSize + 2 * length * D;
  const head = D * D + D * vocabSize;
  return 2 * (layers * layer + head + 3 * ((layers / 2) * layer + head));
}

/**
 * @param lengths tokens of each sequence
 * @returns a MaskedBatch of src/data/masked-batches.ts
 */
export function randomBatch(lengths, { vocabSize, seed }) {
  const masker = createMasker({
    vocabSize,
    maskId: SPECIAL.mask,
    specialIds: new Set(Object.values(SPECIAL)),
    tokenCounts: new Float64Array(vocabSize).fill(1),
    smoothing: 0,
  });
  const [B, S] = [lengths.length, Math.max(...lengths)];
  const inputIds = new Int32Array(B * S).fill(SPECIAL.pad);
  const labels = new Int32Array(B * S).fill(IGNORED);
  const attentionMask = new Uint8Array(B * S);
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator: plain, and the same anywhere.
    return Math.floor((state / 2 ** 32) * below);
  };
  let maskedCount = 0;
  for (const [row, length] of lengths.entries()) {
    const ids = Int32Array.from({ length }, (_, i) =>
      i === 0 ? SPECIAL.cls : i === length - 1 ? SPECIAL.sep : 200 + random(vocabSize - 200),
    );
    const masked = masker.mask(ids, { seed, epoch: 0, index: row });
    inputIds.set(masked.inputIds, row * S);
    labels.set(masked.labels, row * S);
    attentionMask.fill(1, row * S, row * S + length);
    maskedCount += masked.maskedCount;
  }
  const tokenCount = lengths.reduce((sum, length) => sum + length, 0);
  const isPadded = tokenCount < B * S;
  return {
    ...{ inputIds, labels, attentionMask: isPadded ? attentionMask : null, firstPositions: null },
    ...{ B, S, tokenCount, maskedCount },
  };
}

/** A batch for JSON: rows of numbers. */
export function plain({ B, S, ...batch }) {
  const rows = (values) => Array.from({ length: B }, (_, i) => [...values.subarray(i * S, (i + 1) * S)]);
  return {
    inputIds: rows(batch.inputIds),
    labels: rows(batch.labels),
    attentionMask: rows(batch.attentionMask ?? new Uint8Array(B * S).fill(1)),
  };
}
