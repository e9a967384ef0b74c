import { native } from "../native.js";

/** An op of libtorch's or a phase of ours, from its start to its end on one thread. */
export interface ProfileEvent {
  /** "aten::addmm", or as `phase` was told. */
  readonly name: string;
  readonly kind: "op" | "phase";
  /** 0 is JavaScript's; libtorch goes backward on others where the device is no CPU. */
  readonly thread: number;
  /** Nanoseconds since the recording was opened. */
  readonly startNs: number;
  readonly endNs: number;
}

export interface Recording {
  /** In the order in which they ended: on each thread, what is inside another comes before it. May be gone over again. */
  readonly events: Iterable<ProfileEvent>;
  readonly eventCount: number;
  /** Whether there was more than the limit: phases that were under way then end there. */
  readonly isFull: boolean;
}

/** As native/profile.cc lays an event out: two f64, two u32. */
const EVENT_BYTES = 24;

let isRecording = false;

/** Opens a recording of at most `limit` events, which begins paused: of ops, and of phases on JavaScript's thread. */
export function openRecording({ limit }: { limit: number }): void {
  native.profileOpen(limit);
}

/** Goes on recording, or pauses. Between ops only. */
export function record(on: boolean): void {
  native.profileRecord(on);
  isRecording = on;
}

/** Ends the recording and gives what was recorded. */
export function closeRecording(): Recording {
  isRecording = false;
  const [eventCount, names, isFull] = native.profileClose();
  const bytes = new Uint8Array(eventCount * EVENT_BYTES);
  native.profileTake(bytes);
  return { events: { [Symbol.iterator]: () => eventsIn(bytes, names) }, eventCount, isFull };
}

/**
 * Marks what `body` does as a phase, which may hold others. When nothing is recorded it costs one look at a boolean.
 *
 * `body` is synchronous, or nothing else marks phases until it is done.
 */
export function phase<T>(name: string, body: () => T): T {
  if (!isRecording) return body();
  beginPhase(name);
  try {
    return body();
  } finally {
    endPhase();
  }
}

/** For a phase that is no function call; while recording only. */
export function beginPhase(name: string): void {
  native.phaseBegin(name);
}

/** Ends the innermost phase; without one it does nothing. */
export function endPhase(): void {
  native.phaseEnd();
}

/** Made one at a time: there may be millions. */
function* eventsIn(bytes: Uint8Array, names: readonly string[]): Generator<ProfileEvent> {
  const times = new Float64Array(bytes.buffer);
  const words = new Uint32Array(bytes.buffer);
  for (let i = 0; i < bytes.byteLength / EVENT_BYTES; i++) {
    const tag = words[6 * i + 5] ?? 0;
    yield {
      name: names[words[6 * i + 4] ?? 0] ?? "",
      kind: tag % 2 === 1 ? "phase" : "op",
      thread: tag >>> 1,
      startNs: times[3 * i] ?? 0,
      endNs: times[3 * i + 1] ?? 0,
    };
  }
}
