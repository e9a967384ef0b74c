import { describe, expect, test } from "vitest";
import type { ProfileEvent, Recording } from "../../../src/engine/tensor/profile.js";
import { summarise, withSelfTimes } from "../../../src/training/loop/profile-summary.js";
import { traceChunks } from "../../../src/training/loop/trace.js";

/** Times in ms, on JavaScript's thread unless told. */
function event(kind: "op" | "phase", name: string, from: number, to: number, thread = 0): ProfileEvent {
  return { kind, name, thread, startNs: from * 1e6, endNs: to * 1e6 };
}
const op = (name: string, from: number, to: number, thread = 0) => event("op", name, from, to, thread);
const phase = (name: string, from: number, to: number) => event("phase", name, from, to);

function recording(events: readonly ProfileEvent[], isFull = false): Recording {
  return { events, eventCount: events.length, isFull };
}

/** What each event keeps to itself, in ms. */
function selfTimes(events: readonly ProfileEvent[]): [string, number][] {
  return [...withSelfTimes(events)].map(({ event, selfNs }) => [event.name, selfNs / 1e6]);
}

describe("an event's own time", () => {
  test("leaves out what it called, and not what those called in turn", () => {
    const events = [op("mm", 3, 7), op("matmul", 2, 8), op("add", 8, 9), op("linear", 0, 10)];
    expect(selfTimes(events)).toEqual([
      ["mm", 4],
      ["matmul", 2],
      ["add", 1],
      ["linear", 3],
    ]);
  });

  test("is whole where one only follows the other, be it at once", () => {
    expect(selfTimes([op("a", 0, 2), op("b", 2, 5), op("c", 6, 7)])).toEqual([
      ["a", 2],
      ["b", 3],
      ["c", 1],
    ]);
  });

  test("loses nothing to another thread", () => {
    // The second thread runs while the first waits in "backward".
    const events = [op("mm", 1, 4, 1), op("MmBackward0", 0.5, 5, 1), op("backward", 0, 6), op("mm", 6, 8)];
    expect(selfTimes(events)).toEqual([
      ["mm", 3],
      ["MmBackward0", 1.5],
      ["backward", 6],
      ["mm", 2],
    ]);
  });

  test("of a phase leaves out phases, and not ops", () => {
    expect(selfTimes([op("mm", 1, 2), phase("inner", 1, 4), phase("outer", 0, 10)])).toEqual([
      ["mm", 1],
      ["inner", 3],
      ["outer", 7],
    ]);
  });
});

/** Two steps of 10 and 30 ms, with a pause between them. */
const twoSteps = [
  phase("data", 0, 1),
  op("mm", 1, 3),
  op("linear", 1, 5),
  phase("forward", 1, 6),
  phase("step", 0, 10),
  phase("data", 100, 103),
  op("mm", 104, 110, 1),
  phase("losses", 104, 110),
  op("linear", 111, 113),
  phase("forward", 110, 116),
  phase("step", 100, 130),
];

describe("a profile", () => {
  test("is means over its steps: phases in their order, ops by their own time, of all threads", () => {
    const { phases, ops, ...rest } = summarise(recording(twoSteps));
    expect(rest).toEqual({ steps: 2, stepMs: 20, outsideOps: { ms: 17, share: 0.85 }, cut: null });
    expect(phases).toEqual([
      { name: "data", calls: 1, ms: 2, share: 0.1 },
      { name: "forward", calls: 1, ms: 5.5, share: 0.275 },
      { name: "losses", calls: 0.5, ms: 3, share: 0.15 },
      { name: "other", calls: 1, ms: 9.5, share: 0.475 },
    ]);
    expect(ops).toEqual([
      { name: "mm", calls: 1, ms: 4, share: 0.2 },
      { name: "linear", calls: 1, ms: 2, share: 0.1 },
    ]);
  });

  test("that is cut off in a later step is of the whole ones", () => {
    const whole = summarise(recording(twoSteps.slice(0, 5)));
    const cut = summarise(recording(twoSteps, true));
    expect(cut).toEqual({ ...whole, cut: { events: twoSteps.length, isStep: false } });
    expect(cut).toMatchObject({ steps: 1, stepMs: 10 });
  });

  test("that is cut off in its first step is of what there is of it, and says so", () => {
    expect(summarise(recording(twoSteps.slice(0, 5), true))).toMatchObject({
      ...{ steps: 1, stepMs: 10 },
      cut: { events: 5, isStep: true },
    });
  });
});

test("a trace has each event in microseconds, the steps by number, the threads by name, and the summary", () => {
  const profile = summarise(recording(twoSteps));
  const text = Buffer.concat([...traceChunks(twoSteps, { profile, firstStep: 3 })]).toString();
  const { traceEvents, otherData } = JSON.parse(text);
  expect(otherData).toEqual(profile);
  const place = (thread: number) => ({ pid: process.pid, tid: thread + 1 });
  const complete = traceEvents.filter(({ ph }: { ph: string }) => ph === "X");
  expect(complete).toHaveLength(twoSteps.length);
  expect(complete[1]).toEqual({ name: "mm", cat: "op", ph: "X", ts: 1000, dur: 2000, ...place(0) });
  expect(complete[6]).toEqual({ name: "mm", cat: "op", ph: "X", ts: 104_000, dur: 6000, ...place(1) });
  const steps = complete.filter(({ name }: { name: string }) => name === "step");
  expect(steps).toEqual([
    { name: "step", cat: "phase", ph: "X", ts: 0, dur: 10_000, ...place(0), args: { step: 3 } },
    { name: "step", cat: "phase", ph: "X", ts: 100_000, dur: 30_000, ...place(0), args: { step: 4 } },
  ]);
  expect(traceEvents.slice(twoSteps.length)).toEqual([
    { name: "thread_name", ph: "M", ...place(0), args: { name: "main" } },
    { name: "thread_name", ph: "M", ...place(1), args: { name: "autograd 1" } },
    { name: "process_name", ph: "M", ...place(0), args: { name: "limbeck" } },
  ]);
});

test("a trace comes in pieces, which put together are the whole", () => {
  const many = Array.from({ length: 30_000 }, (_, i) => op("aten::add", i, i + 0.5));
  const events = [...many, phase("step", 0, 30_000)];
  const chunks = [...traceChunks(events, { profile: summarise(recording(events)), firstStep: 1 })];
  expect(chunks.length).toBeGreaterThan(1);
  expect(JSON.parse(Buffer.concat(chunks).toString()).traceEvents).toHaveLength(events.length + 2);
});
