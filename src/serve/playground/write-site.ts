import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FormatError, StorageError } from "../../errors.js";
import type { Site } from "./site.js";

/**
 * Writes a site for any static host. It must be served by https, or from this machine: browsers give service workers and
 * shared memory to no others. The service worker adds the cross-origin headers that a host may not be able to send.
 *
 * @param out a new folder, or an empty one
 * @throws FormatError when `out` holds something
 * @throws StorageError when it cannot be written
 */
export function writeSite(site: Site, out: string): void {
  refuseTaken(out);
  try {
    for (const [path, { content }] of site) {
      const target = join(out, path);
      mkdirSync(dirname(target), { recursive: true });
      if ("path" in content) copyFileSync(content.path, target);
      else writeFileSync(target, content);
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new StorageError(`${out}: cannot be written (${code}). Give another folder, or make room.`, { cause });
  }
}

/** @throws FormatError when `out` is a file, or a folder that holds something */
export function refuseTaken(out: string): void {
  if (!existsSync(out)) return;
  const got = statSync(out).isDirectory() ? readdirSync(out)[0] : null;
  if (got === undefined) return;
  const what = got === null ? "a file" : `one that holds ${JSON.stringify(got)}`;
  throw new FormatError(out, `expected a new or an empty folder, got ${what}. Give another path, or move it away.`);
}
