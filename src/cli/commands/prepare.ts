import type { Command } from "commander";
import { Interrupted } from "../../errors.js";
import { duration, percent, whole } from "../../quantities.js";
import { CorpusMeter, logIgnored, openDisplay } from "../display/display.js";
import { printResult } from "../display/output.js";
import { numberFrom, type PrintFlags, wholeNumber } from "../flags/options.js";
import { stopRequested } from "../interrupts.js";

interface PrepareFlags extends PrintFlags {
  tokenizer: string;
  out: string;
  heldOut: number;
  heldOutTokens: number;
  shardTokens: number;
  workers?: number;
}

export function registerPrepare(program: Command): void {
  program
    .command("prepare")
    .summary("tokenise a corpus, for pretrain and distill")
    .description(
      "Turns text into a dataset: shards of token ids, a held-out split, and counts. Reads text (a blank line ends a document), JSON lines and Parquet (the field text), gzip and Zstandard of the first two, whole folders, or standard input (-). Run again after an interruption, it goes on where it was.",
    )
    .argument("<corpus...>", 'files, folders, or "-"')
    .requiredOption(
      "--tokenizer <model>",
      "a folder with tokenizer.json or vocab.txt: the teacher's, to distil from it",
    )
    .requiredOption("--out <dir>", "a new folder for the dataset")
    .option("--held-out <share>", "share of the documents to evaluate on", numberFrom(0, 1), 0.01)
    .option("--held-out-tokens <n>", "at most so many tokens of those", wholeNumber(1), 200_000)
    .option("--shard-tokens <n>", "tokens of one file", wholeNumber(1), 2 ** 25)
    .option(
      "--workers <n>",
      "tokenising threads; the result does not depend on them (default: the cores, up to 4)",
      wholeNumber(0),
    )
    .option("--json", "print the manifest as JSON")
    .option("-q, --quiet", "no progress, only errors")
    .addHelpText(
      "after",
      "\nExample:\n  $ limbeck prepare wikipedia.txt.gz books/ --tokenizer bert-base-uncased/ --out data",
    )
    .action(run);
}

const NOTHING_TO_COMPARE =
  "note: a split is empty, and training needs both: give more documents, or raise or lower --held-out.";

async function run(corpus: string[], flags: PrepareFlags): Promise<void> {
  const { findCorpusFiles } = await import("../../data/readers/corpus.js");
  const { prepare } = await import("../../data/prepare.js");
  const { json, quiet, ...options } = flags;
  const signal = stopRequested();
  signal.addEventListener("abort", () => process.stdin.destroy()); // It may keep us waiting for ever.
  const startMs = performance.now();
  using display = openDisplay({ quiet });
  logIgnored(display, findCorpusFiles(corpus).ignored);
  const meter = new CorpusMeter();
  try {
    const manifest = await prepare({
      ...options,
      corpus,
      signal,
      onProgress: (progress) => display.progress(meter.view(progress)),
    });
    display[Symbol.dispose]();
    const { train, heldout } = manifest.splits;
    if (!(train.tokens > 0 && heldout.tokens > 0)) display.log(NOTHING_TO_COMPARE);
    printResult(manifest, {
      json,
      lines: [
        ["dataset", options.out],
        ["training", `${whole(train.tokens)} tokens, ${whole(train.documents)} documents`],
        ["held out", `${whole(heldout.tokens)} tokens, ${whole(heldout.documents)} documents`],
        ["unknown words", `${percent(manifest.unknowns / Math.max(1, manifest.tokens), 2)} of the tokens`],
        ["time", duration((performance.now() - startMs) / 1000)],
      ],
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Interrupted("interrupted: what is finished is saved; give the same command again to go on");
  }
}
