import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "../../errors.js";
import type { Role } from "../../serve/playground/description.js";
import { type ExportedModel, readExportedModel } from "../../serve/playground/exported-model.js";

export interface PlaygroundModelFlags {
  model: string;
  compare?: string;
  quiet?: boolean;
}

/** The models of a playground; what was exported for it goes when it is disposed of. */
export interface PlaygroundModels extends Disposable {
  readonly all: readonly ExportedModel[];
}

/**
 * Opens the folders of exported models, and exports those that are not into a temporary folder.
 *
 * @throws FormatError or ConfigError when there is no such model, or it cannot be exported
 */
export async function openPlaygroundModels({ model, compare, quiet }: PlaygroundModelFlags): Promise<PlaygroundModels> {
  if (compare !== undefined && resolve(compare) === resolve(model)) {
    throw new ConfigError(`--compare ${compare}: expected another model than --model, got the same.`);
  }
  const folder = mkdtempSync(join(tmpdir(), "limbeck-playground-"));
  const dispose = () => rmSync(folder, { recursive: true, force: true });
  try {
    const all: ExportedModel[] = [];
    const given: [Role, string][] = [["student", model], ...(compare ? [["teacher", compare] as [Role, string]] : [])];
    for (const [role, source] of given) {
      const exported = isExported(source) ? source : await exportAside(source, join(folder, role), { quiet });
      all.push(readExportedModel({ role, name: nameOf(source), folder: exported }));
    }
    return { all, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

function isExported(source: string): boolean {
  return existsSync(join(source, "onnx"));
}

async function exportAside(model: string, out: string, { quiet }: { quiet: boolean | undefined }): Promise<string> {
  if (!quiet) process.stderr.write(`${model} has no onnx/: exporting it for this visit ("limbeck export" keeps it)\n`);
  const { exportModel } = await import("../../export/export.js");
  await exportModel({
    ...{ model, out, task: null, dtypes: ["fp32", "fp16", "int8"] },
    ...{ trimVocab: null, text: null, check: null, maxDrop: 1, force: false },
  });
  return out;
}

/** The folder's name, or that of the run which a folder called "model" is in; the Hub's name. */
function nameOf(source: string): string {
  if (!existsSync(source)) return source;
  const path = resolve(source);
  return basename(path) === "model" ? basename(dirname(path)) : basename(path);
}
