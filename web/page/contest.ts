import type { Fields } from "../protocol.js";
import { viewOf } from "./answer-view.js";
import type { Contender } from "./contender.js";
import { type Measured, median } from "./figures.js";

/** What came of one question. */
export interface Outcome {
  readonly contender: Contender;
  readonly spoken: string;
  readonly measured: Measured;
}

/** So many runs make a median; more are made while they are quick, fewer where each takes long. */
const ROUNDS = { few: 5, many: 21, quickMs: 1000, slowMs: 4000 };

/** Runs are made one at a time on the whole page: they would slow each other. */
let last: Promise<unknown> = Promise.resolve();

function inTurn<T>(run: () => Promise<T>): Promise<T> {
  const turn = last.then(run);
  last = turn.catch(() => {});
  return turn;
}

/**
 * Shows each model's answer as soon as it is there, then times them by turns.
 *
 * @param signal aborts when another question is asked
 * @throws ModelFailure when the text is the reason that a model does not answer
 */
export async function hold(
  contenders: readonly Contender[],
  fields: Fields,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const firsts = await Promise.all(contenders.map((contender) => firstRun(contender, fields, signal)));
  const answered = firsts.filter((first) => first !== null);
  const startMs = performance.now();
  for (let round = 0; round < ROUNDS.many && !signal.aborted; round++) {
    for (const { contender, firstMs, timesMs } of answered) {
      const { elapsedMs } = await inTurn(() => contender.run(fields));
      if (signal.aborted) break;
      timesMs.push(elapsedMs);
      contender.card.showTimes({ firstMs, medianMs: median(timesMs), runs: timesMs.length });
    }
    const most = round + 1 < ROUNDS.few ? ROUNDS.slowMs : ROUNDS.quickMs;
    if (performance.now() - startMs > most) break;
  }
  return answered.map(({ contender, spoken, timesMs }) => ({
    contender,
    spoken,
    measured: { medianMs: median(timesMs), downloadBytes: contender.downloadBytes },
  }));
}

interface FirstRun {
  readonly contender: Contender;
  readonly spoken: string;
  readonly firstMs: number;
  readonly timesMs: number[];
}

/** null where the model could not be opened, which its card says. */
async function firstRun(contender: Contender, fields: Fields, signal: AbortSignal): Promise<FirstRun | null> {
  const isOpen = await contender.opened().then(
    () => true,
    () => false,
  );
  if (!isOpen || signal.aborted) return null;
  contender.card.showWorking();
  const { output, elapsedMs, heapBytes } = await inTurn(() => contender.run(fields));
  if (signal.aborted) return null;
  const view = viewOf(output, fields);
  contender.card.showAnswer(view, { heapBytes });
  contender.card.showTimes({ firstMs: elapsedMs, medianMs: Number.NaN, runs: 0 });
  return { contender, spoken: view.spoken, firstMs: elapsedMs, timesMs: [] };
}
