import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limbeckJson } from "./limbeck.js";

/** A folder with all that distilling takes, made by the commands themselves; very small. */
export interface Workshop extends Disposable {
  readonly folder: string;
  readonly corpus: string;
  readonly tokenizer: string;
  readonly data: string;
  readonly teacher: string;
  /** A new folder in it, empty or a copy of another. */
  newFolder(original?: string): string;
}

/** Settings of a run of a few steps of a few milliseconds. */
export const TINY = ["sequenceLength=16", "stepSequences=4", "microBatchTokens=64", "peakLearningRate=0.01"];
export const TINY_TEACHER = ["layers=2", "hiddenSize=16", "heads=2", "intermediateSize=32", "maxPositions=32"];

const WORDS = "the a river stone light cold walks runs over under and with old new house tree sings falls".split(" ");

export async function makeWorkshop(): Promise<Workshop> {
  const folder = mkdtempSync(join(tmpdir(), "limbeck-cli-"));
  const [corpus, tokenizer, data, run] = ["corpus.txt", "tokenizer", "data", "teacher"].map((name) =>
    join(folder, name),
  );
  if (!corpus || !tokenizer || !data || !run) throw new Error("four names give four paths");
  writeFileSync(corpus, madeUpText());
  await limbeckJson(["tokenizer", corpus, "--vocab-size", "90", "--out", tokenizer]);
  await limbeckJson([
    "prepare",
    corpus,
    "--tokenizer",
    tokenizer,
    "--out",
    data,
    "--held-out",
    "0.1",
    "--workers",
    "0",
  ]);
  const settings = [...TINY, ...TINY_TEACHER, "steps=30"];
  await limbeckJson(["pretrain", "--data", data, "--out", run, "--set", ...settings, "--held-out-sequences", "8"]);
  return {
    folder,
    corpus,
    tokenizer,
    data,
    teacher: join(run, "model"),
    newFolder: (original) => {
      const made = mkdtempSync(join(folder, "folder-"));
      if (original !== undefined) cpSync(original, made, { recursive: true });
      return made;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A distillation of so many steps to a new folder, saved in the end only unless `more` says otherwise. */
export function distillation(shop: Workshop, steps: number, ...more: string[]): { args: string[]; out: string } {
  const out = join(shop.newFolder(), "run");
  const sources = ["--teacher", shop.teacher, "--data", shop.data, "--out", out, "--held-out-sequences", "8"];
  const settings = ["--set", ...TINY, "studentLayers=1", `steps=${steps}`];
  return { args: ["distill", ...sources, "--save-every", "1000", ...more, ...settings], out };
}

/** Sixty documents of a few sentences. */
export function madeUpText(): string {
  let state = 1;
  const word = () => {
    state = (state * 48_271) % 0x7fffffff; // Lehmer's generator: the same text everywhere.
    return WORDS[state % WORDS.length] ?? "";
  };
  const sentence = () => `${Array.from({ length: 12 }, word).join(" ")}.`;
  return Array.from({ length: 60 }, () => `${sentence()} ${sentence()}\n${sentence()}\n`).join("\n");
}
