import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FolderDraft, writeSynced } from "../../storage/atomic-files.js";
import { makeFolder, refuseTaken, writeError } from "../../storage/disk.js";
import type { Site } from "./site.js";

/**
 * Writes a site for any static host, whole or not at all. It must be served by https, or from this machine: browsers
 * give service workers and shared memory to no others. The service worker adds the cross-origin headers that a host may
 * not be able to send.
 *
 * @param out a new folder, or an empty one
 * @throws FormatError when `out` holds something
 * @throws StorageError when the disk is full
 */
export function writeSite(site: Site, out: string): void {
  refuseTaken(out, "for the site");
  try {
    using draft = new FolderDraft(out);
    for (const [path, { content }] of site) {
      const target = join(draft.path, path);
      makeFolder(dirname(target));
      if ("path" in content) copyFileSync(content.path, target);
      else writeSynced(target, [content]);
    }
    draft.commit();
  } catch (error) {
    throw writeError(out, error);
  }
}
