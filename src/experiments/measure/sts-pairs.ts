import { FormatError } from "../../errors.js";
import { openTask } from "../../tasks/open.js";
import { madeUpPairs, type SentencePair, STS_B_DEV_PAIRS } from "./made-up-pairs.js";
import type { MeasuredPairs } from "./measure.js";

/**
 * The pairs of STS-B's dev set.
 *
 * @param folder STS-B's own, or GLUE's
 * @throws FormatError when it is not there, holds no rows, or a row is not as it should be
 */
export async function readStsPairs(folder: string): Promise<MeasuredPairs> {
  const { examples } = await openTask("stsb", folder).read("validation", { skipBadRows: false });
  const pairs = examples.flatMap((example): SentencePair[] =>
    "first" in example ? [{ first: example.first, second: example.second ?? "" }] : [],
  );
  if (pairs.length === 0) throw new FormatError(folder, "expected pairs in STS-B's dev set, got none.");
  return { source: "STS-B", path: folder, pairs };
}

/** As many pairs, of the same lengths, for whoever has not got them. */
export function madeUpStsPairs(): MeasuredPairs {
  return { source: "made up", path: null, pairs: madeUpPairs(STS_B_DEV_PAIRS) };
}
