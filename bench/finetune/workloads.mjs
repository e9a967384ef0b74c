// What bench/finetune.mjs measures. Lengths are those of SST-2's sentences and of SQuAD's windows in BERT's 30,522 pieces: every
// fortieth part, shortest first.
const SST2 = [
  3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 9, 9, 9, 10, 10, 11, 12, 12, 13, 14, 14, 15, 16, 17, 18, 19, 20, 22,
  24, 25, 28, 31, 34, 39, 62,
];
const SQUAD = [
  36, 64, 77, 90, 102, 110, 115, 118, 122, 125, 128, 131, 133, 136, 139, 141, 144, 147, 150, 154, 157, 159, 163, 167,
  170, 174, 179, 183, 187, 193, 198, 205, 211, 219, 228, 238, 252, 268, 291, 328, 384,
];

export const WORKLOADS = [
  {
    name: "sst2",
    kind: "classification",
    features: features(SST2, 32 * 12, 1),
    batch: 32,
    wanted: 1.3,
    isGroupedToo: true,
  },
  { name: "squad", kind: "answers", features: features(SQUAD, 12 * 8, 2), batch: 12, wanted: 1.6, isGroupedToo: true },
  {
    ...{ name: "squad, all windows full", kind: "answers", features: features([384], 12 * 3, 2), batch: 12 },
    ...{ wanted: null, isGroupedToo: false },
  },
];

/** Tokens at random, and targets: a label, or the first and last token of an answer. In random order. */
function features(lengths, count, seed) {
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const made = Array.from({ length: count }, (_, i) => {
    const length = lengths[Math.floor((i / count) * lengths.length)];
    const inputIds = Array.from({ length }, (_, at) =>
      at === 0 ? 101 : at === length - 1 ? 102 : 200 + random(30_000),
    );
    const start = random(length);
    return { inputIds, targets: { label: random(2), span: [start, Math.min(length - 1, start + random(5))] } };
  });
  for (let i = made.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [made[i], made[j]] = [made[j], made[i]];
  }
  return made;
}
