import type { Answer } from "../src/infer/answer.js";
import type { Classification } from "../src/infer/classify.js";
import type { FilledMask } from "../src/infer/fill-mask.js";
import type { ModelDType } from "../src/infer/model-files.js";
import type { Kind, OfKinds } from "../src/kinds/kinds.js";

/** Where a model runs. */
export type Device = "wasm" | "webgpu";

/** The values of the form's fields, by their names. */
export type Fields = Readonly<Record<string, string>>;

/** What the page tells a model's worker. */
export type ToWorker = OpenMessage | RunMessage;

/** Comes first, and once. */
export interface OpenMessage {
  readonly kind: "open";
  /** Of the model's folder. */
  readonly address: string;
  readonly task: Kind;
  readonly dtype: ModelDType;
  readonly device: Device;
  readonly threads: number;
}

export interface RunMessage {
  readonly kind: "run";
  readonly fields: Fields;
}

/** What a model's worker tells the page; every message of the page is replied to once, in order, after any downloads. */
export type FromWorker = DownloadMessage | Reply;

export interface DownloadMessage {
  readonly kind: "download";
  readonly file: string;
  readonly bytes: number;
}

export type Reply = OpenedReply | RanReply | FailedReply;

export interface OpenedReply {
  readonly kind: "opened";
  /** From the last byte to the first run's end. */
  readonly startMs: number;
}

export interface RanReply {
  readonly kind: "ran";
  readonly output: Output;
  /** Of the whole pipeline, tokenizer included. */
  readonly elapsedMs: number;
  /** What WebAssembly holds for the model. */
  readonly heapBytes: number;
}

export interface FailedReply {
  readonly kind: "failed";
  readonly message: string;
  /** Whether another text would do. */
  readonly isInput: boolean;
}

/** What is said to what stands in the form. */
export type Said = OfKinds<{
  readonly "masked-words": readonly FilledMask[];
  readonly classification: Classification;
  readonly regression: Classification;
  readonly "question-answering": Answer;
  /** The cosine of two texts' embeddings. */
  readonly embedding: number;
}>;

export type Output<K extends Kind = Kind> = { readonly [P in K]: { readonly task: P; readonly said: Said[P] } }[K];
