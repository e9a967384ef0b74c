import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { Interrupted } from "../../src/errors.js";
import { type Job, type JobEnd, type JobsState, runJobs } from "../../src/experiments/jobs.js";

const job = (label: string, changes: Partial<Job> = {}): Job => ({
  label,
  kind: "a",
  finished: () => null,
  run: async () => {},
  outcome: () => `${label}!`,
  ...changes,
});

function watching() {
  const states: JobsState[] = [];
  const ends: [string, boolean][] = [];
  const observer = {
    started: (state: JobsState) => void states.push(state),
    finished: ({ outcome, seconds }: JobEnd) => void ends.push([outcome, seconds === null]),
  };
  return { states, ends, observer };
}

test("jobs run in order, but those that are finished", async () => {
  const ran: string[] = [];
  const running = (label: string) => job(label, { run: async () => void ran.push(label) });
  const { ends, observer, states } = watching();
  const jobs = [
    running("1"),
    job("2", { finished: () => ({ seconds: 3 }), run: () => expect.unreachable() }),
    running("3"),
  ];
  await runJobs(jobs, { observer });
  expect(ran).toEqual(["1", "3"]);
  expect(ends).toEqual([
    ["2!", true],
    ["1!", false],
    ["3!", false],
  ]);
  expect(states.map(({ done, total }) => [done, total])).toEqual([
    [1, 3],
    [2, 3],
  ]);
});

test("what is left is forecast by the jobs of its kind, and by the others before there are any", async () => {
  const { states, observer } = watching();
  const earlier = (seconds: number, kind: string) => job(kind, { kind, finished: () => ({ seconds }) });
  const jobs = [
    earlier(10, "a"),
    earlier(30, "a"),
    earlier(60, "b"),
    job("x"),
    job("y", { kind: "b" }),
    job("z", { kind: "c" }),
  ];
  await runJobs(jobs, { observer });
  // Of kind a 20 s, of kind b 60 s, of an unknown kind the mean of the two.
  expect(states[0]).toMatchObject({ jobSeconds: 20, laterSeconds: 60 + 40 });
  expect(states.at(-1)).toMatchObject({ jobSeconds: null, laterSeconds: 0 });
});

test("nothing is forecast from nothing", async () => {
  const { states, observer } = watching();
  await runJobs([job("x"), job("y")], { observer });
  expect(states[0]).toMatchObject({ jobSeconds: null, laterSeconds: null });
  expect(states[1]?.jobSeconds).toBeTypeOf("number");
});

test("an interrupted job interrupts all, and says how to go on with all", async () => {
  const { observer } = watching();
  const stopped = job("x", {
    run: async () => {
      throw new Interrupted("as a run says it", 7);
    },
  });
  await expect(runJobs([job("w"), stopped, job("y")], { observer })).rejects.toMatchObject({
    name: "Interrupted",
    message: 'interrupted at "x", after 1 of 3 runs: go on with the same command and --resume',
  });
});

test("a signal between two jobs, or in one, stops them", async () => {
  const { observer, ends } = watching();
  const controller = new AbortController();
  const aborting = job("x", { run: async () => controller.abort() });
  await expect(runJobs([aborting, job("y")], { observer, signal: controller.signal })).rejects.toThrow(
    /at "y", after 1/,
  );
  expect(ends).toEqual([["x!", false]]);
  const inside = new AbortController();
  const aborted = job("z", {
    run: async () => {
      inside.abort();
      await pause(1000, null, { signal: inside.signal }).catch(() => inside.signal.throwIfAborted());
    },
  });
  await expect(runJobs([aborted], { observer, signal: inside.signal })).rejects.toThrow(/^interrupted at "z", after 0/);
});

test("a failure is passed on as it is", async () => {
  const { observer } = watching();
  const failing = job("x", { run: () => Promise.reject(new RangeError("no")) });
  await expect(runJobs([failing], { observer })).rejects.toThrow(RangeError);
});
