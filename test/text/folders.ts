import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder with these files, gone when the test ends. */
export async function folderWith(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "limbeck-text-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

/** A vocab.txt of the special tokens and these pieces. */
export function vocabFile(...pieces: string[]): string {
  return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...pieces].map((piece) => `${piece}\n`).join("");
}

export async function* documents(...texts: string[]): AsyncGenerator<string> {
  yield* texts;
}
