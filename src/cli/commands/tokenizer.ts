import type { Command } from "commander";
import { duration, whole } from "../../quantities.js";
import { FolderDraft } from "../../storage/atomic-files.js";
import { makeFolder, refuseTaken, writeError } from "../../storage/disk.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { ProgressView } from "../display/display.js";
import { CorpusMeter, type Display, logIgnored, openDisplay } from "../display/display.js";
import { printResult } from "../display/output.js";
import { wholeNumber } from "../flags/options.js";

interface TokenizerFlags {
  vocabSize: number;
  out: string;
  cased?: boolean;
  minFrequency: number;
  limitAlphabet: number;
  json?: boolean;
  quiet?: boolean;
}

export function registerTokenizer(program: Command): void {
  program
    .command("tokenizer")
    .summary("learn a WordPiece vocabulary from a corpus")
    .description("Learns a BERT WordPiece vocabulary; for a teacher of your own. To distil, use the teacher's instead.")
    .argument("<corpus...>", 'files, folders, or "-", as for prepare')
    .requiredOption("--vocab-size <n>", "word pieces in all, special tokens included", wholeNumber(1))
    .requiredOption("--out <dir>", "a new folder for the tokenizer")
    .option("--cased", "keep capitals and accents")
    .option("--min-frequency <n>", "a pair of pieces that occurs less often is not joined", wholeNumber(1), 2)
    .option("--limit-alphabet <n>", "different characters to keep", wholeNumber(1), 1000)
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "no progress, only errors")
    .addHelpText("after", "\nExample:\n  $ limbeck tokenizer corpus/ --vocab-size 8000 --out tokenizer")
    .action(run);
}

async function run(paths: string[], flags: TokenizerFlags): Promise<void> {
  const { out, cased, json, quiet, vocabSize, minFrequency, limitAlphabet } = flags;
  refuseTaken(out, "for the tokenizer");
  makeFolder(out); // Before hours of counting.
  const { readCorpus } = await import("../../data/readers/corpus.js");
  const { trainWordPiece } = await import("../../text/wordpiece.js");
  const startMs = performance.now();
  const corpus = readCorpus(paths);
  using display = openDisplay({ quiet });
  logIgnored(display, corpus.ignored);
  const meter = new CorpusMeter();
  const tokenizer = await trainWordPiece(corpus, {
    vocabSize,
    lowercase: !cased,
    minFrequency,
    limitAlphabet,
    onProgress: (progress) => {
      if (progress.stage === "merge") showMerge(display, progress);
      else display.progress(meter.view({ ...corpus, documents: progress.documents }));
    },
  });
  await save(tokenizer, out);
  display[Symbol.dispose]();
  printResult(
    { out, vocabSize: tokenizer.vocabSize, hash: tokenizer.hash },
    {
      json,
      lines: [
        ["tokenizer", out],
        ["word pieces", whole(tokenizer.vocabSize)],
        ["time", duration((performance.now() - startMs) / 1000)],
      ],
    },
  );
}

function showMerge(display: Display, { pieces, vocabSize }: { pieces: number; vocabSize: number }): void {
  const text = `${whole(pieces)} / ${whole(vocabSize)} word pieces`;
  const view: ProgressView = { fraction: pieces / vocabSize, parts: [{ text, rank: 9 }], etaSeconds: null };
  display.progress(view);
}

/** Whole or not at all: a tokenizer with a part missing might pass for another. */
async function save(tokenizer: Tokenizer, folder: string): Promise<void> {
  try {
    using draft = new FolderDraft(folder);
    await tokenizer.save(draft.path);
    draft.commit();
  } catch (error) {
    throw writeError(folder, error);
  }
}
