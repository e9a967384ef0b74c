import type { Command } from "commander";
import { duration, whole } from "../../quantities.js";
import { CorpusMeter, type Display, logIgnored, openDisplay } from "../display/display.js";
import { printResult } from "../display/output.js";
import { type PrintFlags, wholeNumber } from "../flags/options.js";

interface TokenizerFlags extends PrintFlags {
  vocabSize: number;
  out: string;
  cased?: boolean;
  minFrequency: number;
  limitAlphabet: number;
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

async function run(corpus: string[], flags: TokenizerFlags): Promise<void> {
  const { out, cased, json, quiet, vocabSize, minFrequency, limitAlphabet } = flags;
  const { findCorpusFiles } = await import("../../data/readers/corpus.js");
  const { trainTokenizer } = await import("../../data/train-tokenizer.js");
  const startMs = performance.now();
  using display = openDisplay({ quiet });
  logIgnored(display, findCorpusFiles(corpus).ignored);
  const meter = new CorpusMeter();
  const tokenizer = await trainTokenizer({
    ...{ corpus, out, vocabSize, minFrequency, limitAlphabet },
    lowercase: !cased,
    onProgress: (progress) => {
      if (progress.stage === "merge") showMerge(display, progress);
      else display.progress(meter.view(progress));
    },
  });
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
  display.progress({ fraction: pieces / vocabSize, parts: [{ text, rank: 9 }], etaSeconds: null });
}
