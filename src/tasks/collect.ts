import { FormatError } from "../errors.js";
import type { Examples, ReadOptions } from "../kinds/task.js";

/**
 * Makes examples of rows. The first bad row is an error, or all are counted.
 *
 * @param what what was read, for the message
 * @param exampleOf throws FormatError for a bad row
 * @throws FormatError when no row is left, or for the first bad row
 */
export async function collect<R, E>(
  what: string,
  rows: AsyncIterable<R>,
  exampleOf: (row: R, number: number) => E | Promise<E>,
  { skipBadRows }: ReadOptions,
): Promise<Examples<E>> {
  const examples: E[] = [];
  let firstBad: FormatError | null = null;
  let number = 0; // Bad rows count too, so that a row keeps its number whatever is skipped.
  for await (const row of rows) {
    try {
      examples.push(await exampleOf(row, number));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      if (!skipBadRows) throw withAdvice(error);
      firstBad ??= error;
    }
    number++;
  }
  if (examples.length > 0) return { examples, skipped: number - examples.length };
  const reason = firstBad === null ? "it has no rows." : `all ${number} rows are bad; the first is ${firstBad.message}`;
  throw new FormatError(what, reason, { cause: firstBad });
}

function withAdvice(error: FormatError): FormatError {
  const reason = error.message.slice(error.path.length + 2);
  return new FormatError(error.path, `${reason} Put it right, or pass --skip-bad-rows.`, { cause: error });
}

/** Remembers ids, so that a second one like it is found. */
export class Ids {
  readonly #seen = new Set<string>();

  /** @throws FormatError when it was there before */
  add(id: string, where: string): void {
    if (this.#seen.has(id)) throw new FormatError(where, `the id ${JSON.stringify(id)} was there before.`);
    this.#seen.add(id);
  }
}
