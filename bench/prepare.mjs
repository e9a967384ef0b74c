// Megabytes of text a second that `limbeck prepare` turns into a dataset, beside the Rust tokenizer alone from Python; and
// that its memory does not grow with the text.
//
//   npm run bench:prepare                                        made-up text
//   npm run bench:prepare -- --text FILE --megabytes 100         the start of a file of your own
//
// The whole command is timed: Node's start, reading, cleaning, tokenising, held-out split, counts, shards and their sums. Of the
// rival, encode_batch alone is, over the same documents, on all cores.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runNode } from "./lib/commands.mjs";
import { writeReport } from "./lib/report.mjs";
import { RivalProcess, rivalPython } from "./lib/rivals.mjs";
import { median } from "./lib/statistics.mjs";
import { ratiosOf, takeTurns } from "./lib/turns.mjs";
import { FOLDER, ROOT, textOf } from "./prepare/text.mjs";

const { values: flags } = parseArgs({
  options: {
    text: { type: "string" },
    megabytes: { type: "string", default: "100" },
    rounds: { type: "string", default: "3" },
    out: { type: "string" },
  },
});

const MAIN = join(ROOT, "dist/cli/main.js");
const PUBLISHED_VOCABULARY = 30_522;
const MEMORY_TIMES = 4;
const MOST_GROWTH = 1.1;
/** Special tokens spelled out in a text are left out of a dataset, and some are in Wikipedia. */
const MOST_OTHER_TOKENS = 1e-4;

const megabytes = Number(flags.megabytes);
const text = textOf(flags.text, megabytes);
const textMegabytes = statSync(text).size / 1e6;
const tokenizers = { "8,000 pieces": join(ROOT, "assets/teacher"), "30,522 pieces": trainedTokenizer(text) };
const { python, missing = null } = rivalPython(["tokenizers"]);
const rows = [];
for (const [pieces, tokenizer] of Object.entries(tokenizers)) rows.push(...(await speeds(pieces, tokenizer)));
rows.push(await memory());
await writeReport("prepare", rows, flags);

async function speeds(pieces, tokenizer) {
  const rival =
    python === undefined
      ? null
      : new RivalProcess(python, new URL("prepare/rust_tokenizer.py", import.meta.url), {
          env: { TOKENIZERS_PARALLELISM: "true" },
        });
  const request = { tokenizer: join(tokenizer, "tokenizer.json"), text };
  const contestants = [{ name: "ours", run: () => prepare(tokenizer, text) }];
  if (rival !== null) contestants.push({ name: "rust", run: () => rival.ask(request) });
  const turns = await takeTurns(contestants, Number(flags.rounds));
  await rival?.stop();
  const [mine, theirs = []] = ["ours", "rust"].map((name) => turns.get(name));
  if (theirs.length > 0) checkSameWork(mine[0], theirs[0]);
  return [
    speedRow(`prepare, ${pieces}`, { mine, theirs, clock: "ms", wanted: 1 }),
    speedRow(`prepare, ${pieces}, by processor time`, { mine, theirs, clock: "processorMs", wanted: null }),
  ];
}

function speedRow(name, { mine, theirs, clock, wanted }) {
  const [ours, rust] = [mine, theirs].map((turns) => turns.map((turn) => turn[clock]));
  return {
    ...{ name, unit: "MB/s", better: "higher", wanted, missing, against: "encode_batch of tokenizers" },
    ours: (1000 * textMegabytes) / median(ours),
    rival: rust.length === 0 ? null : (1000 * textMegabytes) / median(rust),
    ratios: rust.length === 0 ? [] : ratiosOf(rust, ours),
  };
}

/** Both tokenised the same documents to the same tokens; a dataset has a separator after each. */
function checkSameWork(ours, theirs) {
  const expected = theirs.tokens + ours.documents;
  if (Math.abs(ours.tokens - expected) <= MOST_OTHER_TOKENS * expected) return;
  throw new Error(
    `expected ${expected} tokens, separators included, as the rival has, got ${ours.tokens} from prepare`,
  );
}

/** What one `limbeck prepare` took and made. */
async function prepare(tokenizer, corpus) {
  const out = join(FOLDER, "dataset");
  rmSync(out, { recursive: true, force: true });
  const taken = await runNode([MAIN, "prepare", corpus, "--tokenizer", tokenizer, "--out", out, "--quiet"]);
  const { tokens, documents } = JSON.parse(readFileSync(join(out, "dataset.json"), "utf8"));
  rmSync(out, { recursive: true });
  return { ...taken, tokens, documents };
}

/** Peak memory over some text, and over more of it; the larger vocabulary, which takes more. */
async function memory() {
  const tokenizer = tokenizers["30,522 pieces"];
  const larger = textOf(flags.text, MEMORY_TIMES * megabytes);
  const [once, more] = [await prepare(tokenizer, text), await prepare(tokenizer, larger)].map(
    ({ peakBytes }) => peakBytes,
  );
  return {
    ...{ name: `peak memory over ${MEMORY_TIMES * megabytes} MB`, unit: "MB", better: "lower", wanted: MOST_GROWTH },
    ...{ ours: more / 1e6, rival: once / 1e6, against: `the same over ${megabytes} MB`, ratios: [more / once] },
  };
}

/** WordPieces of the published number, learnt from the text itself. */
function trainedTokenizer(corpus) {
  const folder = corpus.replace(/\.txt$/, "-tokenizer");
  if (existsSync(folder)) return folder;
  process.stderr.write(`making ${folder}\n`);
  const size = String(PUBLISHED_VOCABULARY);
  execFileSync(process.execPath, [MAIN, "tokenizer", corpus, "--vocab-size", size, "--out", folder, "--quiet"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return folder;
}
