import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../../errors.js";
import type { Role } from "../../serve/playground/description.js";
import type { ExportedModel } from "../../serve/playground/exported-model.js";
import type { Site } from "../../serve/playground/site.js";
import { packageVersion } from "../../version.js";
import { printResult } from "../display/output.js";
import { addPrintFlags, type PrintFlags, wholeNumber } from "../flags/options.js";
import { stopRequested } from "../interrupts.js";

interface PlaygroundFlags extends PrintFlags {
  model: string;
  compare?: string;
  out?: string;
  host: string;
  port: number;
}

export function registerPlayground(program: Command): void {
  const command = program
    .command("playground")
    .summary("a page that runs the student, and its teacher beside it, in your browser")
    .description(
      "Serves a page that runs exported models in the visitor's browser, side by side, with what they take: time, download, memory. After the first load it works without a network.",
    )
    .optionsGroup("What is shown:")
    .requiredOption(
      "--model <model>",
      "the student: a folder that limbeck export wrote; another model is exported first",
    )
    .option("--compare <model>", "what it is compared with: its teacher")
    .optionsGroup("Where:")
    .option(
      "--host <host>",
      "the address to serve on; browsers give threads to https and this machine alone",
      "127.0.0.1",
    )
    .option("--port <n>", "0 for any that is free", portNumber, 8642)
    .option("--out <dir>", "write the page to a new folder instead, for any static host");
  addPrintFlags(command)
    .addHelpText("after", "\nExample:\n  $ limbeck playground --model student/model --compare teacher")
    .action(run);
}

function portNumber(text: string): number {
  const port = wholeNumber(0)(text);
  if (port <= 65_535) return port;
  throw new InvalidArgumentError("Expected at most 65535.");
}

async function run(flags: PlaygroundFlags): Promise<void> {
  const { playgroundSite } = await import("../../serve/playground/site.js");
  const { refuseTaken } = await import("../../storage/disk.js");
  const { writeSite } = await import("../../serve/playground/write-site.js");
  if (flags.out !== undefined) refuseTaken(flags.out, "for the site");
  const stop = stopRequested(); // What was exported for the visit goes with it.
  using models = await openPlaygroundModels(flags);
  const site = playgroundSite({ models: models.all, version: packageVersion() });
  if (flags.out !== undefined) {
    writeSite(site, flags.out);
    printResult({ out: flags.out, files: site.size }, { json: flags.json, lines: [["playground", flags.out]] });
  } else if (!stop.aborted) await serve(site, flags, stop);
}

/** Until the process is asked to stop, which is how a server ends: with status 0. */
async function serve(site: Site, { host, port, json, quiet }: PlaygroundFlags, stop: AbortSignal): Promise<void> {
  const { serveSite } = await import("../../serve/playground/server.js");
  await using serving = await serveSite(site, { host, port });
  printResult({ url: serving.url }, { json, lines: [["playground", serving.url]] });
  if (!quiet) process.stderr.write("Ctrl+C ends it.\n");
  await new Promise((done) => stop.addEventListener("abort", done, { once: true }));
}

/** The models of a playground; what was exported for it goes when it is disposed of. */
interface PlaygroundModels extends Disposable {
  readonly all: readonly ExportedModel[];
}

/**
 * Opens the folders of exported models, and exports those that are not into a temporary folder.
 *
 * @throws FormatError or ConfigError when there is no such model, or it cannot be exported
 */
async function openPlaygroundModels({ model, compare, quiet }: PlaygroundFlags): Promise<PlaygroundModels> {
  if (compare !== undefined && resolve(compare) === resolve(model)) {
    throw new ConfigError(`--compare ${compare}: expected another model than --model, got the same.`);
  }
  const { readExportedModel } = await import("../../serve/playground/exported-model.js");
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
  await exportModel({ model, out, maxDrop: 1 });
  return out;
}

/** The folder's name, or that of the run which a folder called "model" is in; the Hub's name. */
function nameOf(source: string): string {
  if (!existsSync(source)) return source;
  const path = resolve(source);
  return basename(path) === "model" ? basename(dirname(path)) : basename(path);
}
