// What bench/train.mjs measures: shapes, lengths, rivals, and the ratios that are wanted.
export const BASE = {
  vocabSize: 30_522,
  hiddenSize: 768,
  layers: 12,
  heads: 12,
  intermediateSize: 3072,
  maxPositions: 512,
};
/** The embedded teacher's. */
export const SMALL = {
  vocabSize: 8000,
  hiddenSize: 128,
  layers: 12,
  heads: 2,
  intermediateSize: 512,
  maxPositions: 512,
};

/** Variables that make glibc keep what is freed instead of giving it back to the kernel: most of PyTorch's time otherwise. */
export const KEEP_MEMORY = {
  ...{ MALLOC_MMAP_MAX_: "0", MALLOC_TRIM_THRESHOLD_: "100000000000", MALLOC_TOP_PAD_: "1000000000" },
};

/** Sequences that `prepare` finds in articles and books, `--pack none`, up to 512 tokens: every fortieth part, shortest first. */
const DOCUMENT_LENGTHS = [
  12,
  51,
  58,
  63,
  68,
  74,
  84,
  97,
  110,
  126,
  142,
  161,
  180,
  201,
  227,
  252,
  282,
  317,
  357,
  405,
  453,
  ...Array(20).fill(512),
];
const POSITIONS = 4096;

const same = (count, length, repeats) => Array.from({ length: repeats }, () => Array(count).fill(length));

const rivals = (toA, toB) => [
  { name: "A", wanted: toA },
  { name: "B", wanted: null },
  { name: "B, bf16 teacher", wanted: toB },
];

export const WORKLOADS = [
  {
    ...{ name: "8x128", shape: BASE, precision: "bfloat16", batches: same(8, 128, 4), warmUp: 1 },
    ...{ rivals: rivals(3, 1.5), floorWanted: 0.75 },
  },
  {
    ...{ name: "8x512", shape: BASE, precision: "bfloat16", batches: same(8, 512, 1), warmUp: 1 },
    ...{ rivals: rivals(5, 1.5), floorWanted: 0.75 },
  },
  {
    ...{ name: "real lengths", shape: BASE, precision: "bfloat16", batches: documentBatches(2), warmUp: 1 },
    ...{ rivals: rivals(null, 2), floorWanted: 0.75 },
  },
  {
    ...{ name: "8x128 in f32", shape: BASE, precision: "float32", batches: same(8, 128, 3), warmUp: 1 },
    ...{ rivals: [{ name: "B", wanted: 1.5 }], floorWanted: null },
  },
  {
    ...{ name: "small", shape: SMALL, precision: "bfloat16", batches: same(32, 128, 8), warmUp: 2 },
    ...{ rivals: rivals(null, 1.5), floorWanted: null },
  },
];

/** A step's sequences sorted by length and cut as training cuts them; some micro-batches from all over it. */
function documentBatches(count) {
  const sorted = DOCUMENT_LENGTHS.toReversed().flatMap((length) => Array(100).fill(length));
  const batches = [];
  for (let start = 0; start < sorted.length; ) {
    const rows = Math.max(1, Math.floor(POSITIONS / sorted[start]));
    batches.push(sorted.slice(start, start + rows));
    start += rows;
  }
  // A token, not a micro-batch, is as likely as any other: lengths are met as often as in training.
  return Array.from({ length: count }, (_, i) => batches[Math.floor(((i + 0.5) / count) * batches.length)]);
}
