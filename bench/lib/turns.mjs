// Contestants in turns, so that whatever else runs on the machine slows all of them alike.

/**
 * Every contestant has its turn in every round, in another order each time.
 *
 * @param contestants each `{ name, run }`; `run()` returns, or promises, the figure of a turn
 * @param rounds      that are counted; one more comes before them, to warm up
 * @returns the figures of each by its name, one a round
 */
export async function takeTurns(contestants, rounds) {
  const figures = new Map(contestants.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const { name, run } of rotated(contestants, round + 1)) {
      say(`${round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`}: ${name}`);
      const figure = await run();
      if (round >= 0) figures.get(name).push(figure);
    }
  }
  say("");
  return figures;
}

/** On the line at hand of a terminal; a log does not want it. */
function say(words) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${words}`);
}

/** How many times as large the first is as the second, turn by turn. */
export function ratiosOf(first, second) {
  return first.map((figure, i) => figure / second[i]);
}

/** The list, begun at another place: who goes first changes from round to round. */
export function rotated(list, by) {
  return list.map((_, i) => list[(i + by) % list.length]);
}
