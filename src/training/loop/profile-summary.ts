import type { ProfileEvent, Recording } from "../../engine/tensor/profile.js";

/** The phase that holds all others of a step. */
export const STEP_PHASE = "step";

/** Means over steps of what has one name. Its time is its own: without that of what is inside. */
export interface ProfileRow {
  readonly name: string;
  readonly calls: number;
  readonly ms: number;
  readonly share: number;
}

/** Where the time of a few optimizer steps went. Shares are of the steps' wall time. */
export interface Profile {
  /** Steps that the figures are means over. */
  readonly steps: number;
  /** Wall time of one of them. */
  readonly stepMs: number;
  /** In the order in which they first end; the last, "other", is what no phase holds. */
  readonly phases: readonly ProfileRow[];
  /** Longest first, summed over threads: where those run beside each other the shares may pass 1 together. */
  readonly ops: readonly ProfileRow[];
  /** What JavaScript's thread spends in no op. */
  readonly outsideOps: { readonly ms: number; readonly share: number };
  /**
   * Where there were more events than fit: how many did, and whether not even one step is whole. If one is, those that
   * are not do not count.
   */
  readonly cut: { readonly events: number; readonly isStep: boolean } | null;
}

/** Sums up a recording whose steps are phases of the name `STEP_PHASE`, of which there is at least one. */
export function summarise({ events, eventCount, isFull }: Recording): Profile {
  const all = [...stepsIn(events)];
  const counted = isFull && all.length > 1 ? all.slice(0, -1) : all;
  const endNs = counted.at(-1)?.endNs ?? 0;
  const wallMs = counted.reduce((sum, step) => sum + durationMs(step), 0);
  let inOpsMs = 0;
  const totals = { op: new Map<string, Total>(), phase: new Map<string, Total>() };
  for (const { event, selfNs } of withSelfTimes(events)) {
    if (event.startNs >= endNs) continue;
    if (event.kind === "op" && event.thread === 0) inOpsMs += selfNs / 1e6;
    const total = totals[event.kind].get(event.name) ?? { calls: 0, ms: 0 };
    totals[event.kind].set(event.name, { calls: total.calls + 1, ms: total.ms + selfNs / 1e6 });
  }
  const other = totals.phase.get(STEP_PHASE) ?? { calls: 0, ms: 0 };
  totals.phase.delete(STEP_PHASE);
  const steps = counted.length;
  const perStep = ({ calls, ms }: Total) => ({ calls: calls / steps, ms: ms / steps, share: ms / wallMs });
  return {
    steps,
    stepMs: wallMs / steps,
    phases: [...totals.phase, ["other", other] as const].map(([name, total]) => ({ name, ...perStep(total) })),
    ops: [...totals.op].map(([name, total]) => ({ name, ...perStep(total) })).toSorted((a, b) => b.ms - a.ms),
    outsideOps: { ms: (wallMs - inOpsMs) / steps, share: 1 - inOpsMs / wallMs },
    cut: isFull ? { events: eventCount, isStep: all.length === 1 } : null,
  };
}

interface Total {
  calls: number;
  ms: number;
}

function* stepsIn(events: Iterable<ProfileEvent>): Generator<ProfileEvent> {
  for (const event of events) if (event.kind === "phase" && event.name === STEP_PHASE) yield event;
}

/**
 * Each event's time without that of the events inside it, on its own thread and of its own kind: an op takes nothing
 * from its phase.
 *
 * @param events those inside another before it
 */
export function* withSelfTimes(
  events: Iterable<ProfileEvent>,
): Generator<{ readonly event: ProfileEvent; readonly selfNs: number }> {
  const ended = new Map<string, ProfileEvent[]>(); // What nothing has turned out to hold, so far.
  for (const event of events) {
    const key = `${event.kind} ${event.thread}`;
    const before = ended.get(key) ?? [];
    ended.set(key, before);
    let selfNs = event.endNs - event.startNs;
    for (let last = before.at(-1); last !== undefined && last.startNs >= event.startNs; last = before.at(-1)) {
      selfNs -= last.endNs - last.startNs;
      before.pop();
    }
    before.push(event);
    yield { event, selfNs };
  }
}

function durationMs({ startNs, endNs }: ProfileEvent): number {
  return (endNs - startNs) / 1e6;
}
