import { engineInfo } from "../../engine/tensor/device.js";
import { percentile } from "../../numbers.js";
import { readCpu } from "../../processor.js";
import { type MeasuredRow, type ReportOf, reportHead } from "../../runs/report.js";
import type { BatchShape, MeasurePrecision, PairReader, Subject } from "./measure-subjects.js";
import type { MeasuredPairs, SentencePair } from "./pairs.js";

/** Pairs that a subject passes through before the next one's turn. */
export const TURN_PAIRS = 10;
/** Passes of each subject before anything is timed. */
export const WARM_UP_PASSES = 3;
/** Full batches, for throughput. */
export const BATCH: BatchShape = { B: 32, S: 128 };
/** How long nothing else of this process may have to wait: signals, progress. */
const BREATHE_MS = 50;

export interface TimingOptions {
  /** In the order of the rows; ratios are to the first. The caller disposes of them. */
  readonly subjects: readonly Subject[];
  readonly pairs: MeasuredPairs;
  /** How many of them are measured, evenly spread; null for all. */
  readonly limit: number | null;
  readonly precision: MeasurePrecision;
  /** Whose word pieces shapes read; null where none does. */
  readonly shapeTokenizer: { readonly name: string; readonly pieces: number } | null;
  /** Full batches that each subject runs for its throughput, after the pairs (default: none). */
  readonly batchPasses?: number;
  /** What there is to say of rows that are not there. */
  readonly notes?: readonly string[];
  /** The version of ONNX Runtime, where it runs something. */
  readonly onnxRuntime?: string | null;
  /** The command line; null where a program asks. */
  readonly command?: string | null | undefined;
  readonly progress: (state: MeasureProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Where a measurement is. */
export interface MeasureProgress {
  readonly name: string;
  readonly pairsDone: number;
  readonly pairs: number;
  /** Of the time it takes, in [0, 1]. */
  readonly fraction: number;
  readonly etaSeconds: number;
}

export type MeasureReport = ReportOf<"measure">;

/**
 * Size and CPU time of a full pass at batch size 1, as in the paper's Table 3.
 *
 * Subjects take turns of a few pairs each, in another order every round, so that whatever else runs on the machine slows
 * all of them alike. A turn begins with a pass that is not counted: the caches are another's. Only the model is timed,
 * not the tokenizer.
 *
 * @throws AbortError when the signal aborts
 */
export async function timeSubjects(options: TimingOptions): Promise<MeasureReport> {
  const { subjects, pairs, batchPasses: passes = 0 } = options;
  const environment = environmentOf(options);
  const chosen = spreadOver(pairs.pairs, options.limit ?? pairs.pairs.length);
  const timed: Timed[] = [];
  for (const subject of subjects) timed.push(await prepare(subject, chosen, options));
  await takeTurns(timed, chosen.length, options);
  for (let pass = 0; pass < passes; pass++) await takeBatches(rotated(timed, pass), options);
  return {
    ...reportHead({ command: options.command, seeds: [] }),
    kind: "measure",
    rows: timed.map((one) => rowOf(one, timed[0] ?? one, pairs.pairs.length)),
    pairs: { source: pairs.source, path: pairs.path, measured: chosen.length, all: pairs.pairs.length },
    method: { batchSize: 1, turnPairs: TURN_PAIRS, warmUpPasses: WARM_UP_PASSES, batch: { ...BATCH, passes } },
    notes: options.notes ?? [],
    shapeTokenizer: options.shapeTokenizer,
    environment,
  };
}

interface Timed {
  readonly subject: Subject;
  readonly reader: PairReader;
  /** Of each pair that was passed through so far. */
  readonly ms: number[];
  cpuMicroseconds: number;
  /** Of each full batch. */
  readonly batchMs: number[];
  /** Of a pass while warming up, for the first estimate. */
  readonly warmMs: number;
}

function environmentOf({ precision, onnxRuntime = null }: TimingOptions): MeasureReport["environment"] {
  const { threads, torchVersion, engine, cpuCapability } = engineInfo();
  return {
    ...readCpu(),
    threads,
    precision,
    torchVersion,
    onnxRuntime,
    engine,
    kernels: cpuCapability,
    node: process.versions.node,
  };
}

async function prepare(subject: Subject, pairs: readonly SentencePair[], options: TimingOptions): Promise<Timed> {
  const reader = await subject.read(pairs);
  let warmMs = 0;
  for (let i = 0; i < WARM_UP_PASSES; i++) {
    await breathe(options.signal);
    const startMs = performance.now();
    await reader.pass(i % pairs.length);
    warmMs = performance.now() - startMs;
  }
  return { subject, reader, ms: [], cpuMicroseconds: 0, batchMs: [], warmMs };
}

async function takeTurns(timed: readonly Timed[], pairs: number, options: TimingOptions): Promise<void> {
  let breathedMs = performance.now();
  for (let start = 0, round = 0; start < pairs; start += TURN_PAIRS, round++) {
    const end = Math.min(start + TURN_PAIRS, pairs);
    for (const one of rotated(timed, round)) {
      if (timed.length > 1) await one.reader.pass(start);
      for (let pair = start; pair < end; pair++) {
        await timePass(one, pair);
        if (performance.now() - breathedMs < BREATHE_MS) continue;
        options.progress(progressOf(one, timed, pairs));
        await breathe(options.signal);
        breathedMs = performance.now();
      }
    }
  }
}

async function timePass(one: Timed, pair: number): Promise<void> {
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  const running = one.reader.pass(pair);
  if (running !== undefined) await running; // libtorch is done by now: there is nothing to wait for.
  one.ms.push(performance.now() - startMs);
  const { user, system } = process.cpuUsage(cpuBefore);
  one.cpuMicroseconds += user + system;
}

/** A full batch of each that reads batches. */
async function takeBatches(timed: readonly Timed[], { signal }: TimingOptions): Promise<void> {
  for (const { subject, batchMs } of timed) {
    if (subject.passBatch === null) continue;
    await breathe(signal);
    const startMs = performance.now();
    await subject.passBatch(BATCH);
    batchMs.push(performance.now() - startMs);
  }
}

/** Lets signals and progress through; tensors are freed by then. */
async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}

function progressOf(now: Timed, timed: readonly Timed[], pairs: number): MeasureProgress {
  const passMs = (one: Timed) => (one.ms.length > 0 ? sum(one.ms) / one.ms.length : one.warmMs);
  const done = sum(timed.map(({ ms }) => sum(ms)));
  const left = sum(timed.map((one) => passMs(one) * (pairs - one.ms.length)));
  const { name } = now.subject;
  return { name, pairsDone: now.ms.length, pairs, fraction: done / (done + left), etaSeconds: left / 1000 };
}

function rowOf({ subject, reader, ms, cpuMicroseconds, batchMs }: Timed, first: Timed, all: number): MeasuredRow {
  const seconds = sum(ms) / 1000;
  return {
    name: subject.name,
    kind: subject.kind,
    runtime: subject.runtime,
    parameters: subject.parameters,
    hasPooler: subject.hasPooler,
    bytes: subject.fileBytes ?? 4 * subject.parameters,
    bytesAre: subject.fileBytes === null ? "in f32" : "on disk",
    tokens: subject.tokens,
    tokensPerPair: sum(reader.lengths) / reader.lengths.length,
    cutPairs: reader.cutPairs,
    seconds,
    allSeconds: seconds * (all / ms.length),
    isExtrapolated: ms.length < all,
    cpuSeconds: cpuMicroseconds / 1e6,
    p50Ms: percentile(ms, 50),
    p95Ms: percentile(ms, 95),
    tokensPerSecond: batchMs.length === 0 ? null : (BATCH.B * BATCH.S) / (percentile(batchMs, 50) / 1000),
    secondsRatio: seconds / (sum(first.ms) / 1000),
    cpuSecondsRatio: cpuMicroseconds / first.cpuMicroseconds,
    parametersRatio: subject.parameters / first.subject.parameters,
    paper: subject.paper,
  };
}

/** `count` of them, evenly spaced: a dev set begins with its shortest sentences. */
export function spreadOver<T>(all: readonly T[], count: number): T[] {
  if (count >= all.length) return [...all];
  return Array.from({ length: count }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)] as T);
}

function rotated<T>(list: readonly T[], by: number): T[] {
  return list.map((_, i) => list[(i + by) % list.length] as T);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
