import type { ProfileEvent } from "../../engine/tensor/profile.js";
import { type Profile, STEP_PHASE } from "./profile-summary.js";

const CHUNK_CHARACTERS = 1 << 20;

/**
 * A recording as a Chrome trace, which chrome://tracing and Perfetto open: complete events of the categories "op" and
 * "phase", in microseconds, and the summary beside them.
 *
 * Source: "Trace Event Format", Google, 2016.
 *
 * @param firstStep the number of the first recorded step, from 1
 * @returns UTF-8, in pieces: the whole may be more than a string can hold
 */
export function* traceChunks(
  events: Iterable<ProfileEvent>,
  { profile, firstStep }: { profile: Profile; firstStep: number },
): Generator<Uint8Array> {
  let text = `{"displayTimeUnit":"ms","otherData":${JSON.stringify(profile)},"traceEvents":[\n`;
  for (const line of traceLines(events, firstStep)) {
    text += `${line},\n`;
    if (text.length < CHUNK_CHARACTERS) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(`${text}${metadata("process_name", 0, "limbeck")}\n]}\n`);
}

function* traceLines(events: Iterable<ProfileEvent>, firstStep: number): Generator<string> {
  const threads = new Set<number>();
  let step = firstStep;
  for (const event of events) {
    threads.add(event.thread);
    yield traceLine(event, event.kind === "phase" && event.name === STEP_PHASE ? { step: step++ } : undefined);
  }
  for (const thread of threads) yield metadata("thread_name", thread, thread === 0 ? "main" : `autograd ${thread}`);
}

function traceLine({ name, kind, thread, startNs, endNs }: ProfileEvent, args: object | undefined): string {
  const times = { ts: startNs / 1000, dur: (endNs - startNs) / 1000 };
  return JSON.stringify({ name, cat: kind, ph: "X", ...times, ...placeOf(thread), args });
}

function metadata(what: "process_name" | "thread_name", thread: number, name: string): string {
  return JSON.stringify({ name: what, ph: "M", ...placeOf(thread), args: { name } });
}

/** Thread 0 is the idle process to Perfetto. */
function placeOf(thread: number): { pid: number; tid: number } {
  return { pid: process.pid, tid: thread + 1 };
}
