import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FormatError } from "../errors.js";
import type { Split } from "../kinds/task.js";

/** How the Hub names the shards of a split: "train-00000-of-00002.parquet", with or without a hash, or in a folder. */
const SHARD = /^(?<split>.+?)-(?<index>\d{5})-of-(?<count>\d{5})(?:-[0-9a-f]{16})?\.parquet$/;
const CONVERTED_SHARD = /^\d{4}\.parquet$/;

/** Where a split was found: one file in the task's own format, or Hub-style Parquet. */
export interface SplitFiles {
  readonly layout: "own" | "hub";
  readonly paths: readonly string[];
}

/**
 * The files of a split in a folder, or null where there are none: the first of `names` that is there, or else all shards
 * of Hub-style Parquet ("train-00000-of-00002.parquet", "train.parquet", "train/0000.parquet").
 *
 * @throws FormatError when some shards are missing
 */
export function splitFiles(folder: string, split: string, names: readonly string[]): SplitFiles | null {
  const entries = entriesOf(folder);
  const own = names.find((name) => entries.includes(name));
  if (own !== undefined) return { layout: "own", paths: [join(folder, own)] };
  const paths = hubFiles(folder, split, entries);
  return paths.length === 0 ? null : { layout: "hub", paths };
}

/**
 * The folder that holds a task: one of `names` in `folder` ("SST-2", "sst2": case, hyphens and underscores do not
 * matter), or else `folder` itself; null where none holds it.
 */
export function taskFolder(
  folder: string,
  names: readonly string[],
  holds: (folder: string) => boolean,
): string | null {
  const entries = entriesOf(folder);
  const inside = names.flatMap((name) => entries.filter((entry) => plainName(entry) === plainName(name)));
  return [...inside.map((entry) => join(folder, entry)), folder].find(holds) ?? null;
}

/** "sst2" for "SST-2". */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[-_. ]/g, "");
}

/** The sorted names in a folder; none where it is no folder. */
export function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** The error for a folder without a task. */
export function taskMissing(
  title: string,
  folder: string,
  folders: readonly string[],
  files: readonly string[],
): FormatError {
  const got = entriesOf(folder).slice(0, 8).join(", ") || "nothing";
  const names = folders.map((name) => `${name}/`).join(" or ");
  return new FormatError(folder, `no ${title} here: expected ${files.join(", ")} in it or in ${names}, got ${got}.`);
}

/** The error for a split that a task does not have, or a folder does not hold. */
export function splitMissing(title: string, folder: string, split: Split, files: SplitNames): ConfigError {
  const names = files[split];
  if (names === undefined) {
    return new ConfigError(`${title} has no split called ${split}: expected ${splitsOf(files).join(", ")}.`);
  }
  const expected = [...names, `${split}-*.parquet`].join(" or ");
  const got = entriesOf(folder).slice(0, 8).join(", ") || "nothing";
  return new ConfigError(`${folder}: no ${split} split of ${title} here: expected ${expected}, got ${got}.`);
}

/** Names of the files that may hold each split. */
export type SplitNames = Partial<Record<Split, readonly string[]>>;

/** The splits that a task has. */
export function splitsOf(files: SplitNames): Split[] {
  return Object.keys(files) as Split[];
}

function hubFiles(folder: string, split: string, entries: readonly string[]): string[] {
  const shards = entries.filter((name) => SHARD.exec(name)?.groups?.split === split);
  const count = Number(SHARD.exec(shards[0] ?? "")?.groups?.count ?? 0);
  if (shards.length !== count) {
    throw new FormatError(
      join(folder, shards[0] ?? ""),
      `expected ${count} shards of ${split}, got ${shards.length}. Fetch all of one version.`,
    );
  }
  if (count > 0) return shards.map((name) => join(folder, name));
  if (entries.includes(`${split}.parquet`)) return [join(folder, `${split}.parquet`)];
  const converted = entries.includes(split) ? entriesOf(join(folder, split)) : [];
  return converted.filter((name) => CONVERTED_SHARD.test(name)).map((name) => join(folder, split, name));
}
