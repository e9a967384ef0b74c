import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { readError } from "./json-file.js";

const READ_BYTES = 4 * 1024 * 1024;

/** Enough to tell later whether a file is still the same. */
export interface FileDigest {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** SHA-256, hexadecimal, of parts one after the other; texts count as UTF-8. */
export function sha256Of(parts: Iterable<string | NodeJS.ArrayBufferView>): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/**
 * Reads a file a piece at a time.
 *
 * @param what what the file is, for the message: "a checkpoint's file"
 * @throws FormatError when it cannot be read
 */
export function digestFile(path: string, what: string): FileDigest {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw readError(path, what, error);
  }
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  let bytes = 0;
  try {
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) {
      hash.update(buffer.subarray(0, got));
      bytes += got;
    }
  } finally {
    closeSync(fd);
  }
  return { bytes, sha256: hash.digest("hex") };
}
