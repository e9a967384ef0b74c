import { packageVersion } from "../version.js";

/** How a report came to be. */
export interface Provenance {
  /** Of Limbeck. */
  readonly version: string;
  /** The command line, ready to be given again; null where a program asked. */
  readonly command: string | null;
  /** When it was finished, in UTC: ISO 8601. */
  readonly date: string;
  /** Of the runs; empty where nothing is drawn. */
  readonly seeds: readonly number[];
}

export function provenance(given: { command: string | null; seeds: readonly number[] }): Provenance {
  return { version: packageVersion(), ...given, date: new Date().toISOString() };
}

/** `limbeck glue --set 'a b'`: the words of a command, quoted where a shell would cut them. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
