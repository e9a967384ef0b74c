import { measure } from "../../experiments/measure/measure.js";
import { openEncoder, type Subject } from "../../experiments/measure/measure-subjects.js";
import { madeUpStsPairs } from "../../experiments/measure/sts-pairs.js";
import type { Display } from "./display.js";

/** Enough for a median that holds still; all of STS-B's dev set is what `measure` is for. */
const PAIRS = 200;

/** CPU milliseconds of a pair of sentences as long as STS-B's, at batch size 1: the median of each model. */
export async function pairLatenciesMs(
  models: readonly string[],
  { display, signal }: { display: Display; signal: AbortSignal },
): Promise<number[]> {
  const subjects: Subject[] = [];
  try {
    display.log(`timing ${models.join(" and ")} on ${PAIRS} pairs`);
    for (const model of models) subjects.push(await openEncoder(model, model, { precision: "float32" }));
    const { rows } = await measure({
      ...{ subjects, signal, precision: "float32", shapeTokenizer: null, limit: PAIRS },
      pairs: madeUpStsPairs(),
      progress: ({ pairsDone, pairs, fraction, etaSeconds }) =>
        display.progress({ fraction, parts: [{ text: `timing: pair ${pairsDone} of ${pairs}`, rank: 9 }], etaSeconds }),
    });
    return rows.map(({ p50Ms }) => p50Ms);
  } finally {
    for (const subject of subjects) subject[Symbol.dispose]();
  }
}
