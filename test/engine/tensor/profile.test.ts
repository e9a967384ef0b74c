import { describe, expect, test } from "vitest";
import { backward } from "../../../src/engine/tensor/autograd.js";
import { ones } from "../../../src/engine/tensor/create.js";
import {
  beginPhase,
  closeRecording,
  endPhase,
  openRecording,
  type ProfileEvent,
  phase,
  record,
} from "../../../src/engine/tensor/profile.js";
import { NativeError } from "../../../src/errors.js";
import { runTestsInScope } from "./in-scope.js";

runTestsInScope();

/** What is recorded of `body`. */
function recorded(body: () => void, limit = 10_000): { events: ProfileEvent[]; isFull: boolean } {
  openRecording({ limit });
  record(true);
  try {
    body();
  } finally {
    record(false);
  }
  const { events, eventCount, isFull } = closeRecording();
  const all = [...events];
  expect(all).toHaveLength(eventCount);
  expect([...events]).toEqual(all); // A second time the same.
  return { events: all, isFull };
}

const named = (events: readonly ProfileEvent[], name: string) => events.filter((event) => event.name === name);
const contains = (outer: ProfileEvent, inner: ProfileEvent) =>
  outer.thread === inner.thread && outer.startNs <= inner.startNs && inner.endNs <= outer.endNs;

describe("a recording", () => {
  test("holds each op once, inside the op and the phase that called it, which end after it", () => {
    const { events, isFull } = recorded(() => phase("sum", () => ones([4]).softmax(0).sum()));
    expect(isFull).toBe(false);
    const [softmax] = named(events, "aten::softmax");
    const [inner] = named(events, "aten::_softmax");
    const [sum] = named(events, "sum");
    if (!softmax || !inner || !sum) throw new Error(`found only ${events.map(({ name }) => name)}`);
    expect([softmax.kind, sum.kind]).toEqual(["op", "phase"]);
    expect(named(events, "aten::softmax")).toHaveLength(1);
    expect(contains(softmax, inner)).toBe(true);
    expect(events.every((event) => contains(sum, event))).toBe(true);
    expect(events.at(-1)).toBe(sum);
    expect(events.indexOf(inner)).toBeLessThan(events.indexOf(softmax));
  });

  test("holds what autograd does on the way back", () => {
    const { events } = recorded(() => {
      const x = ones([2, 2]).requiresGrad_();
      const y = x.matmul(x);
      phase("backward", () => backward([y], [ones([2, 2])]));
    });
    const [back] = named(events, "backward");
    const inside = events.filter((event) => event !== back && back !== undefined && contains(back, event));
    expect(inside.some(({ name }) => name === "MmBackward0")).toBe(true);
    expect(named(inside, "aten::mm")).toHaveLength(2);
    expect(named(events, "aten::mm")).toHaveLength(3);
  });

  test("keeps phases in one another, and one that throws", () => {
    const { events } = recorded(() => {
      beginPhase("step");
      phase("outer", () => {
        expect(() =>
          phase("inner", () => {
            throw new Error("as it may");
          }),
        ).toThrow("as it may");
      });
      endPhase();
      endPhase(); // There is none any more.
    });
    expect(events.map(({ name }) => name)).toEqual(["inner", "outer", "step"]);
    expect(events.slice(0, 2).every((event) => contains(events[2] as ProfileEvent, event))).toBe(true);
  });

  test("leaves out what happens while it is paused", () => {
    const { events } = recorded(() => {
      phase("before", () => ones([2]).exp());
      record(false);
      phase("meanwhile", () => ones([2]).tanh());
      record(true);
      phase("after", () => ones([2]).exp());
    });
    const names = events.map(({ name }) => name).filter((name) => !/aten::(?!exp|tanh)/.test(name));
    expect(names).toEqual(["aten::exp", "before", "aten::exp", "after"]);
  });

  test("stops when it is full: phases end there, and nothing more comes", () => {
    const limit = 5;
    const { events, isFull } = recorded(() => {
      beginPhase("step");
      phase("long", () => {
        for (let i = 0; i < 20; i++) ones([1]);
      });
      phase("late", () => ones([1]));
      endPhase();
    }, limit);
    expect(isFull).toBe(true);
    expect(events).toHaveLength(limit + 2);
    expect(events.slice(0, limit).every(({ kind }) => kind === "op")).toBe(true);
    const [long, step] = events.slice(limit) as [ProfileEvent, ProfileEvent];
    expect([long.name, step.name]).toEqual(["long", "step"]);
    expect(long.endNs).toBe(step.endNs);
    expect(long.endNs).toBeGreaterThanOrEqual(events[limit - 1]?.endNs as number);
  });

  test("begins with nothing of the one before", () => {
    recorded(() => phase("first", () => ones([1])), 1);
    const { events, isFull } = recorded(() => phase("second", () => {}));
    expect(events.map(({ name }) => name)).toEqual(["second"]);
    expect(isFull).toBe(false);
  });

  test("is refused while another goes on", () => {
    recorded(() => expect(() => openRecording({ limit: 1 })).toThrow(NativeError));
  });
});

test("without a recording a phase is its body, and nothing is kept of it", () => {
  expect(phase("alone", () => 7)).toBe(7);
  expect(closeRecording()).toMatchObject({ eventCount: 0 });
});
