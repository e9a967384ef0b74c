import { join } from "node:path";
import { prepare } from "../data/prepare.js";
import { tidy } from "../engine/tensor/scope.js";
import { ConfigError } from "../errors.js";
import { type LoadedModel, loadMaskedLm } from "../hub/model-loading.js";
import { whole } from "../quantities.js";
import type { DistillRecipe } from "../recipes/distill-recipe.js";
import { nano } from "../recipes/nano.js";
import { distillRecipeNamed } from "../recipes/recipes.js";
import { productDType } from "../recipes/training-recipe.js";
import { type ReportOf, reportHead, writeReport } from "../runs/report.js";
import { replaceText } from "../storage/atomic-files.js";
import { makeFolder } from "../storage/disk.js";
import { type DistillOptions, distill } from "../training/distill/distill.js";
import { DistillObjective } from "../training/distill/distill-objective.js";
import type { HeldOutResult } from "../training/loop/evaluate-held-out.js";
import { openCorpus } from "../training/loop/training-corpus.js";
import { gatherText } from "./gather.js";
import { cpuMsPerSentence, fillMask, maskedSentences, timedSentences } from "./look.js";

interface DemoOptions {
  teacher: string;
  /** A new folder for everything the demo makes. */
  out: string;
  /** Text to distil on; empty gathers what is on this machine. */
  corpus: readonly string[];
  /** Seconds the two trainings may take together. */
  trainingSeconds: number;
  device: string;
  /** The command line, for the report; null where a program asks. */
  command?: string | null | undefined;
  observer?: DistillOptions["observer"];
  onProgress?: DistillOptions["onProgress"];
  say(line: string): void;
  signal?: AbortSignal | undefined;
}

/** What the demo came to: teacher, student and control side by side. */
export type DemoResult = ReportOf<"demo">;
export type DemoModel = DemoResult["models"][number];

const heldOutSequences = 128;
const gatheredCharacters = 5_000_000;

/**
 * Distils the teacher to half its layers on text of this machine, beside a control of the same shape that is trained
 * for the same steps from random weights and without the teacher.
 */
export async function demo(options: DemoOptions): Promise<DemoResult> {
  const { out, say } = options;
  makeFolder(out);
  const data = join(out, "data");
  await prepareText(options, data);
  const { layers, maxPositions } = await withModel(options.teacher, options, ({ model }) => model.config);
  const base = distillRecipeNamed("nano", {
    studentLayers: Math.max(1, layers >> 1),
    sequenceLength: Math.min(nano.sequenceLength, maxPositions),
  });
  const steps = await affordableSteps(options, data, base);
  const recipe = { ...base, steps };
  say(`distilling ${layers} → ${recipe.studentLayers} layers in ${steps} steps`);
  const student = await train(options, data, recipe, "student");
  say("training the control: the same shape and steps, random weights, no teacher");
  const control = await train(options, data, controlRecipe(recipe), "control");
  say("looking at what was made");
  const result = await report(options, { recipe, student, control });
  writeReport(out, result);
  return result;
}

/** The same shape, data and steps, and the hard labels alone. */
function controlRecipe(recipe: DistillRecipe): DistillRecipe {
  return { ...recipe, initialisation: "random", alphaCe: 0, alphaCos: 0 };
}

async function prepareText({ corpus, out, teacher, say, signal }: DemoOptions, data: string): Promise<void> {
  let paths = corpus;
  if (corpus.length === 0) {
    const text = gatherText({ maxCharacters: gatheredCharacters });
    if (text.characters < 500_000) {
      throw new ConfigError(
        `found only ${text.characters} characters of English documentation on this machine, expected 500,000 or more. Give text with --corpus FILE.`,
      );
    }
    paths = [join(out, "corpus.txt")];
    replaceText(join(out, "corpus.txt"), `${text.documents.join("\n\n")}\n`);
    say(`gathered ${(text.characters / 1e6).toFixed(1)} MB of English from ${text.files} files of documentation`);
  }
  const manifest = await prepare({
    corpus: paths,
    tokenizer: teacher,
    out: data,
    heldOut: 0.02,
    ...(signal !== undefined && { signal }),
  });
  const { train, heldout } = manifest.splits;
  say(`${whole(train.tokens)} tokens to train on, ${whole(heldout.tokens)} held out`);
}

/** As many steps as fit the time, by the clock: the recipe's own number at most. */
async function affordableSteps(options: DemoOptions, data: string, recipe: DistillRecipe): Promise<number> {
  const { device, trainingSeconds } = options;
  using corpus = await openCorpus(data, recipe, { heldOutSequences: 1 });
  return await withModel(options.teacher, options, ({ model }) => {
    using objective = new DistillObjective(model, recipe, { productDType: productDType(recipe), device });
    using control = new DistillObjective(model, controlRecipe(recipe), { productDType: productDType(recipe), device });
    const { microBatches, ...counts } = corpus.batchesOf(0);
    const seconds: number[] = [];
    for (let i = 0; i < 3; i++) {
      const startMs = performance.now();
      for (const batch of microBatches) {
        tidy(() => {
          objective.microStep(batch, counts);
          control.microStep(batch, counts);
        });
      }
      seconds.push((performance.now() - startMs) / 1000);
    }
    const fit = Math.floor(trainingSeconds / Math.min(...seconds));
    return Math.max(20, Math.min(recipe.steps ?? fit, fit));
  });
}

interface Trained {
  model: string;
  before: HeldOutResult;
  after: HeldOutResult;
  teacher: HeldOutResult;
}

async function train(options: DemoOptions, data: string, recipe: DistillRecipe, name: string): Promise<Trained> {
  let before: HeldOutResult | null = null;
  const steps = recipe.steps ?? 1;
  const result = await distill({
    recipe,
    teacher: options.teacher,
    data,
    out: join(options.out, name),
    resume: false,
    device: options.device,
    heldOutSequences,
    cadence: {
      logEverySteps: 5,
      evaluateEverySteps: Math.ceil(steps / 3),
      saveEverySteps: steps,
      saveEveryMinutes: 60,
    },
    observer: {
      ...options.observer,
      evaluation: (step, heldOut) => {
        before ??= heldOut;
        options.observer?.evaluation?.(step, heldOut);
      },
    },
    onProgress: options.onProgress,
    signal: options.signal,
  });
  return {
    model: result.model,
    before: before ?? result.heldOut,
    after: result.heldOut,
    teacher: result.teacherHeldOut,
  };
}

async function report(
  options: DemoOptions,
  made: { recipe: DistillRecipe; student: Trained; control: Trained },
): Promise<DemoResult> {
  const { recipe, student, control } = made;
  const look = (source: string) =>
    withModel(source, options, async (loaded) => ({
      layers: loaded.model.config.layers,
      parameters: loaded.model.parameterCount(),
      bytes: 4 * loaded.model.parameterCount(),
      cpuMsPerSentence: await cpuMsPerSentence(loaded, timedSentences),
      filled: await fillAll(loaded),
    }));
  const [teacher, after, other] = [await look(options.teacher), await look(student.model), await look(control.model)];
  const row = (
    name: DemoModel["name"],
    { filled: _, ...looked }: typeof teacher,
    heldOut: HeldOutResult,
  ): DemoModel => ({
    name,
    ...looked,
    heldOut,
  });
  return {
    ...reportHead({ command: options.command, seeds: [recipe.seed] }),
    kind: "demo",
    run: options.out,
    student: student.model,
    steps: recipe.steps ?? 0,
    models: [
      row("teacher", teacher, student.teacher),
      row("student before", after, student.before),
      row("student after", after, student.after),
      row("control", other, control.after),
    ],
    accuracyKept: student.teacher.accuracy > 0 ? student.after.accuracy / student.teacher.accuracy : null,
    filled: maskedSentences.map((text, i) => ({
      text,
      teacher: teacher.filled[i] ?? [],
      student: after.filled[i] ?? [],
    })),
  };
}

async function fillAll(loaded: LoadedModel): Promise<string[][]> {
  const filled: string[][] = [];
  for (const text of maskedSentences) filled.push(await fillMask(loaded, text, 3));
  return filled;
}

async function withModel<T>(
  source: string,
  { device }: DemoOptions,
  body: (loaded: LoadedModel) => T | Promise<T>,
): Promise<T> {
  const loaded = await loadMaskedLm(source, { device, productDType: "float32" });
  using _model = loaded.model;
  return await body(loaded);
}
