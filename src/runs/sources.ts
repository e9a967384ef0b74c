import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { replaceText } from "../storage/atomic-files.js";
import { digestFile, sha256Of } from "../storage/digest.js";
import { formatJson, readJsonFile } from "../storage/json-file.js";

const SOURCES_FILE = "sources.json";

const sourceSchema = z.strictObject({
  /** From the run directory, with a dot in front, where it lies beside the run or in it; else absolute, or a Hub id. */
  path: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256"),
});
const sourcesSchema = z.strictObject({
  data: sourceSchema,
  teacher: sourceSchema.nullable(),
  /** What fine-tuning starts from. */
  model: sourceSchema.nullable().default(null),
  /** The task it is fine-tuned on. */
  task: z.string().nullable().default(null),
});

/**
 * sources.json in a run directory: what the run is made from, so that it can be resumed without saying so again, and is
 * not resumed on something else. The recipe says everything else. Paths in it are absolute once it is read.
 */
export type Sources = z.infer<typeof sourcesSchema>;
type Source = z.infer<typeof sourceSchema>;

interface NamedModel {
  /** A folder or a Hub id. */
  name: string;
  /** Where it was read from. */
  folder: string;
}

/**
 * What a run is made from; null when it was killed before it had noted that, or there is no run.
 *
 * @throws FormatError when sources.json is damaged
 */
export function readSources(run: string): Sources | null {
  const path = join(run, SOURCES_FILE);
  if (!existsSync(path)) return null;
  const [what, remedy] = ["a run's sources", "Delete it, and name data and teacher again."];
  const sources = readJsonFile(path, sourcesSchema, { what, remedy });
  return withPaths(sources, (noted) => (noted.startsWith(".") ? resolve(run, noted) : noted));
}

/** A run that is moved with what lies beside it still finds that. */
function notedPath(run: string, path: string): string {
  const isBeside = path.startsWith(`${dirname(resolve(run))}${sep}`);
  if (!isBeside) return path;
  const noted = relative(resolve(run), path);
  return noted.startsWith(".") ? noted : `.${sep}${noted}`;
}

function withPaths(sources: Sources, change: (path: string) => string): Sources {
  const { data, teacher, model } = sources;
  const changed = <S extends Source | null>(source: S): S => source && { ...source, path: change(source.path) };
  return { ...sources, data: changed(data), teacher: changed(teacher), model: changed(model) };
}

/**
 * Notes what a run is made from or, when it is resumed, sees to it that this is still the same.
 *
 * @param given.data a dataset that "prepare" wrote, or what else the data is, with a digest of it
 * @param given.teacher its name (a folder or a Hub id), and the folder it was read from; null when there is none
 * @throws ConfigError naming what differs
 */
export function keepSources(
  run: string,
  given: { data: string | Source; teacher: NamedModel | null; model?: NamedModel; task?: string },
): void {
  const { data, teacher, model = null, task = null } = given;
  const now: Sources = {
    // dataset.json holds the digests of all the shards.
    data: typeof data === "string" ? { path: resolve(data), sha256: digestOf(data, /^dataset\.json$/) } : data,
    teacher: teacher && modelSource(teacher),
    model: model && modelSource(model),
    task,
  };
  const begun = readSources(run);
  if (begun === null) replaceText(join(run, SOURCES_FILE), formatJson(withPaths(now, (path) => notedPath(run, path))));
  else checkSame(run, begun, now);
}

/** How a model is noted, wherever it was named from: a folder's absolute path, or a Hub id. */
export function sourcePath(model: string): string {
  return existsSync(model) ? resolve(model) : model;
}

function modelSource({ name, folder }: NamedModel): Source {
  return {
    path: sourcePath(name),
    sha256: digestOf(folder, /^config\.json$|\.safetensors$/),
  };
}

function checkSame(run: string, begun: Sources, now: Sources): void {
  for (const name of ["data", "teacher", "model"] as const) {
    if (begun[name]?.sha256 === now[name]?.sha256) continue;
    throw new ConfigError(
      `${run}: expected the ${name} the run was begun with, ${begun[name]?.path} as it was then, got other bytes in ${now[name]?.path}. Give the same, or start a new run.`,
    );
  }
}

/** One SHA-256 over the files of a folder whose names match. */
function digestOf(folder: string, names: RegExp): string {
  const chosen = readdirSync(folder).filter((name) => names.test(name));
  return sha256Of(chosen.sort().flatMap((name) => [name, digestFile(join(folder, name), "a source's file").sha256]));
}
