import type { InferenceSession, Tensor } from "onnxruntime-common";
import { FormatError, RunError } from "../errors.js";
import { KIND_RECORDS, type Kind } from "../kinds/kinds.js";
import { sequenceOutput } from "../kinds/outputs.js";
import {
  cutIntoBatches,
  longestFirst,
  type PaddedSequences,
  padded,
  rowsWithin,
  type Sequence,
  singleSequence,
} from "../text/model-inputs.js";
import { PieceEncoder } from "../text/piece-encoder.js";
import { specFromJson } from "../text/tokenizer-json.js";
import { type ModelConfig, readModelConfig } from "./model-config.js";
import { type ModelDType, type ModelFiles, onnxFile, requiredText } from "./model-files.js";
import { feedsOf, floats, type Runtime } from "./runtime.js";

/** How a model is opened. */
export interface OpenOptions {
  readonly dtype: ModelDType;
  /** Whether a file that is fused for ONNX Runtime is taken where there is one. */
  readonly fused: boolean;
  readonly session: InferenceSession.SessionOptions;
}

/** How texts are run. */
export interface RunOptions {
  /** The most positions of a batch, padding included (default: 512). */
  readonly batchTokens?: number | undefined;
  /** Told the sequences that are done, of all. */
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Rows beyond a tokenizer's tokens that a model may have, to fill up its table. */
const MOST_SPARE_ROWS = 1000;

/** What an int8 and an fp32 DistilBERT-base are fastest with: more leaves the processor's caches. */
const BATCH_TOKENS = 512;

/** An exported model, ready to run: what every pipeline is given. */
export class Model {
  /** The folder or address it was read from. */
  readonly where: string;
  readonly dtype: ModelDType;
  /** The ONNX file, below the folder. */
  readonly file: string;
  readonly config: ModelConfig;
  readonly tokenizer: PieceEncoder;
  /** The ONNX file's, by name. */
  readonly outputs: readonly string[];
  readonly #path: string;
  readonly #session: InferenceSession;
  readonly #runtime: Runtime;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Reads config.json, tokenizer.json and the ONNX file, and runs it once.
   *
   * @throws FormatError when a file is missing, damaged or foreign, or they do not fit each other
   */
  static async open(files: ModelFiles, runtime: Runtime, { dtype, fused, session }: OpenOptions): Promise<Model> {
    const { where } = files;
    const config = readModelConfig(`${where}/config.json`, await requiredText(files, "config.json"));
    const tokenizerPath = `${where}/tokenizer.json`;
    const spec = specFromJson(tokenizerPath, await requiredText(files, "tokenizer.json"));
    const tokenizer = new PieceEncoder(spec, tokenizerPath);
    checkTokenizerFits(tokenizerPath, tokenizer, config);
    const { name, source } = await onnxFile(files, { dtype, fused });
    const opened = await openSession(runtime, source, { path: `${where}/${name}`, session });
    const model = new Model({ where, dtype, config, tokenizer, file: name, session: opened, runtime });
    try {
      await model.#probe();
    } catch (error) {
      await model.close();
      throw error;
    }
    return model;
  }

  private constructor(
    parts: Pick<Model, "where" | "dtype" | "config" | "tokenizer" | "file"> & {
      session: InferenceSession;
      runtime: Runtime;
    },
  ) {
    this.where = parts.where;
    this.dtype = parts.dtype;
    this.config = parts.config;
    this.tokenizer = parts.tokenizer;
    this.outputs = parts.session.outputNames;
    this.file = parts.file;
    this.#path = `${parts.where}/${parts.file}`;
    this.#session = parts.session;
    this.#runtime = parts.runtime;
  }

  /** Of a sequence, in tokens. */
  get maxTokens(): number {
    return this.config.encoder.maxPositions;
  }

  /**
   * Runs sequences in batches: what is made of the outputs of each, in their order. One batch runs at a time, whoever asks.
   *
   * In int8, activations are rounded by the range of the whole batch: neighbours show in the last digits.
   *
   * @param read given a sequence's outputs, as sequenceOutput has them: views that are not to be kept
   * @throws RunError when ONNX Runtime refuses a batch; the model can be used further
   * @throws AbortError when the signal aborts
   */
  async runEach<R>(
    kind: Kind,
    sequences: readonly Sequence[],
    read: (output: Float32Array, index: number) => R,
    { batchTokens = BATCH_TOKENS, onProgress, signal }: RunOptions,
  ): Promise<R[]> {
    const results: R[] = new Array(sequences.length);
    const names = KIND_RECORDS[kind].outputs.map(({ name }) => name);
    const lengthOf = (index: number) => (sequences[index] as Sequence).ids.length;
    const sorted = longestFirst([...sequences.keys()], lengthOf);
    let done = 0;
    for (const indices of cutIntoBatches(sorted, lengthOf, (longest) => rowsWithin(batchTokens, longest))) {
      signal?.throwIfAborted();
      const batch = padded(
        indices.map((index) => sequences[index] as Sequence),
        this.tokenizer.ids.pad,
      );
      const { B, S } = batch;
      const given = await this.run(batch);
      const outputs = new Map(names.map((name) => [name, floats(given[name] as Tensor)])); // kindFor has looked.
      for (const [row, index] of indices.entries()) {
        results[index] = read(sequenceOutput(kind, outputs, { row, B, S, tokens: lengthOf(index) }), index);
      }
      done += indices.length;
      onProgress?.(done, sequences.length);
    }
    return results;
  }

  /** Runs one batch. */
  async run(batch: PaddedSequences): Promise<InferenceSession.ReturnType> {
    const run = this.#last.then(() => this.#session.run(feedsOf(batch, this.#session, this.#runtime)));
    this.#last = run.catch(() => {});
    try {
      return await run;
    } catch (cause) {
      throw new RunError(
        `${this.#path}: ONNX Runtime refuses a batch of ${batch.B} × ${batch.S} tokens (${oneLine(cause)}).`,
        {
          cause,
        },
      );
    }
  }

  /** Frees the session; the model cannot be used any more. */
  async close(): Promise<void> {
    await this.#last;
    await this.#session.release();
  }

  /** The tokenizer's last token must have a row in the ONNX file, and logits one for each token or label. */
  async #probe(): Promise<void> {
    const { tokenizer, config } = this;
    const batch = padded([singleSequence(Int32Array.of(tokenizer.vocabSize - 1), tokenizer.ids)], tokenizer.ids.pad);
    const outputs = await this.run(batch).catch((cause: unknown) => {
      if (cause instanceof FormatError) throw cause;
      throw new FormatError(
        this.#path,
        `does not run on the last of the tokenizer's ${tokenizer.vocabSize} tokens (${oneLine(cause)}). The files belong to different models, or are damaged: export it again.`,
        { cause },
      );
    });
    const dims = outputs.logits?.dims;
    const expected = dims?.length === 3 ? config.encoder.vocabSize : config.labels?.length;
    const got = dims?.at(-1);
    if (got === undefined || expected === undefined || got === expected) return;
    const what = dims?.length === 3 ? "tokens" : "labels";
    throw new FormatError(
      this.#path,
      `gives logits of ${got} ${what}, config.json names ${expected}. They belong to different models.`,
    );
  }
}

function checkTokenizerFits(path: string, { vocabSize }: PieceEncoder, { encoder }: ModelConfig): void {
  const spare = encoder.vocabSize - vocabSize;
  if (spare >= 0 && spare <= MOST_SPARE_ROWS) return;
  throw new FormatError(
    path,
    `the tokenizer has ${vocabSize} tokens, the model ${spare < 0 ? "only " : ""}${encoder.vocabSize}. They belong to different models.`,
  );
}

async function openSession(
  runtime: Runtime,
  source: string | Uint8Array,
  { path, session }: { path: string; session: InferenceSession.SessionOptions },
): Promise<InferenceSession> {
  try {
    // Two overloads: neither takes the union.
    if (typeof source === "string") return await runtime.InferenceSession.create(source, session);
    return await runtime.InferenceSession.create(source, session);
  } catch (cause) {
    throw new FormatError(path, `ONNX Runtime cannot load it (${oneLine(cause)}). Export the model again.`, { cause });
  }
}

function oneLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/\s+/g, " ").trim().replace(/\.$/, "").slice(0, 300);
}
