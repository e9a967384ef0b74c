import { type Command, InvalidArgumentError } from "commander";
import type { Site } from "../../serve/playground/site.js";
import { printResult } from "../display/output.js";
import { wholeNumber } from "../flags/option-values.js";
import { addPrintFlags, type PrintFlags } from "../flags/run-flags.js";
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
  const { refuseTaken, writeSite } = await import("../../serve/playground/write-site.js");
  const { provenance } = await import("../../pages/provenance.js");
  const { openPlaygroundModels } = await import("../flags/playground-models.js");
  if (flags.out !== undefined) refuseTaken(flags.out);
  const stop = stopRequested(); // What was exported for the visit goes with it.
  using models = await openPlaygroundModels(flags);
  const { version } = provenance({ command: null, seeds: [] });
  const site = playgroundSite({ models: models.all, version });
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
