import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { replaceText } from "../checkpoint/disk.js";
import { resolveModel } from "../checkpoint/hub.js";
import { formatJson, readJsonObject } from "../checkpoint/json-file.js";
import { ConfigError, FormatError } from "../errors.js";

const SOURCES_FILE = "sources.json";

const digest = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256");
const sourceSchema = z.strictObject({ path: z.string(), sha256: digest });
const sourcesSchema = z.strictObject({ data: sourceSchema, teacher: sourceSchema.nullable() });

/**
 * sources.json in a run directory: what the run is made from, so that --resume needs nothing else, and refuses a dataset
 * or a teacher that has changed since. The recipe says everything else.
 */
export type Sources = z.infer<typeof sourcesSchema>;

/** What a run recorded, or null when it was killed before it had, or there is no run. */
export function readSources(run: string): Sources | null {
  const path = join(run, SOURCES_FILE);
  if (!existsSync(path)) return null;
  const parsed = sourcesSchema.safeParse(readJsonObject(path, "a run's sources"));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FormatError(
    path,
    `${issue?.path.join(".")}: ${issue?.message}. Delete the file, and give --data and --teacher.`,
  );
}

/** Names what a run reads, with digests: of dataset.json, which holds those of the shards, and of the teacher's weights. */
export async function identifySources(data: string, teacher: string | null): Promise<Sources> {
  return {
    data: { path: resolve(data), sha256: digestOf(data, /^dataset\.json$/) },
    teacher: teacher === null ? null : await identifyTeacher(teacher),
  };
}

async function identifyTeacher(teacher: string): Promise<Sources["teacher"]> {
  const folder = await resolveModel(teacher);
  const sha256 = digestOf(folder, /^config\.json$|\.safetensors$/);
  return { path: existsSync(teacher) ? resolve(teacher) : teacher, sha256 };
}

/** @throws ConfigError when a run that is resumed would read something else than before */
export function checkSources(run: string, begun: Sources, now: Sources): void {
  for (const name of ["data", "teacher"] as const) {
    if (begun[name]?.sha256 === now[name]?.sha256) continue;
    throw new ConfigError(
      `${run}: begun with another ${name === "data" ? "dataset" : "teacher"}: expected what was at ${begun[name]?.path}, got ${now[name]?.path}, which differs. Give the same one, or start a new run.`,
    );
  }
}

export function writeSources(run: string, sources: Sources): void {
  replaceText(join(run, SOURCES_FILE), formatJson(sources));
}

/** One SHA-256 over the files of a folder whose names match; whether they are sound is for their readers to say. */
function digestOf(folder: string, names: RegExp): string {
  const hash = createHash("sha256");
  if (existsSync(folder)) {
    for (const name of readdirSync(folder)
      .filter((name) => names.test(name))
      .sort()) {
      hash.update(name).update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest("hex");
}
