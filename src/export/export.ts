import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { writeModelFolder } from "../hub/folder.js";
import type { TensorSource } from "../hub/safetensors.js";
import { MODEL_DTYPES, type ModelDType, ONNX_FILES, type OnnxFileKind } from "../infer/model-files.js";
import { KIND_RECORDS, type PipelineTask } from "../kinds/kinds.js";
import { writeSynced } from "../storage/atomic-files.js";
import { refuseTaken } from "../storage/disk.js";
import { formatJson } from "../storage/json-file.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { type ExportFacts, exportCard } from "./export-card.js";
import { HEAD_GRAPHS } from "./model-graph.js";
import { writeOnnxFile } from "./onnx-files.js";
import { readSample, type Sample } from "./sample.js";
import { type ExportSource, openSource } from "./source.js";
import { type PreparedCheck, prepareCheck, type TaskCheck } from "./task-check.js";
import { trimSource } from "./trim.js";
import { type Verification, verify } from "./verify.js";

export interface ExportOptions {
  /** A model folder or a Hub id. */
  readonly model: string;
  /** A new folder, or an empty one. */
  readonly out: string;
  /** Default: what the model's head is for. */
  readonly task?: PipelineTask | null | undefined;
  /** Default: all. */
  readonly dtypes?: readonly ModelDType[] | undefined;
  /** A corpus whose word pieces are kept, and no others. Default: all are kept. */
  readonly trimVocab?: readonly string[] | null | undefined;
  /** What files are compared on. Default: passages that come with Limbeck. */
  readonly text?: readonly string[] | null | undefined;
  /** A task whose score must not fall. Default: none. */
  readonly check?: TaskCheck | null | undefined;
  /** The share of the task's score that a file may lose. Default: 0.01. */
  readonly maxDrop?: number | undefined;
  /** Writes files that lose more, too. Default: no. */
  readonly force?: boolean | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Where it aborts, nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
}

export interface ExportResult extends ExportFacts {
  readonly out: string;
}

/**
 * Writes a model folder with its ONNX files in onnx/, under the names that transformers.js looks for.
 *
 * Every file is run, and compared with Limbeck's own forward pass, before the folder is put in place.
 *
 * @throws FormatError or ConfigError when the model does not fit the task, or `out` holds something
 * @throws RunError when a file loses more of the task's score than it may
 */
export async function exportModel(options: ExportOptions): Promise<ExportResult> {
  const { task = null, trimVocab = null, text = null, check: asked = null } = options;
  refuseTaken(options.out, "to export to");
  using whole = await openSource(options.model, task);
  const source = trimVocab === null ? whole : await trimSource(whole, trimVocab);
  const samples = await readSamples(text, { whole, source });
  const check =
    asked === null ? null : await prepareCheck(whole.folder.path, source, { ...asked, model: options.model });
  try {
    return await writeExport(options, { whole, source, ...samples, check });
  } catch (error) {
    options.signal?.throwIfAborted(); // Its reason, not that a folder could not be written.
    throw error;
  }
}

/** All that is needed before anything is written. */
interface Prepared {
  /** The model as it was read. */
  readonly whole: ExportSource;
  /** The model as it is written: with fewer word pieces, or the same. */
  readonly source: ExportSource;
  readonly sample: Sample;
  readonly unknownBefore: number;
  readonly check: PreparedCheck | null;
}

async function readSamples(
  text: readonly string[] | null,
  { whole, source }: Pick<Prepared, "whole" | "source">,
): Promise<Pick<Prepared, "sample" | "unknownBefore">> {
  const { kind, config } = source.shape;
  const read = (tokenizer: Tokenizer) => readSample(text, tokenizer, { kind, maxPositions: config.maxPositions });
  const sample = await read(source.tokenizer);
  return { sample, unknownBefore: source === whole ? sample.unknownShare : (await read(whole.tokenizer)).unknownShare };
}

async function writeExport(options: ExportOptions, prepared: Prepared): Promise<ExportResult> {
  const { source } = prepared;
  let result: ExportResult | null = null;
  await writeModelFolder({
    path: options.out,
    config: source.config,
    tensors: tensorsOf(source),
    card: () =>
      exportCard(result as ExportResult, {
        model: options.model,
        family: source.folder.family,
        kind: source.shape.kind,
      }),
    saveTokenizer: (folder) => source.tokenizer.save(folder, { maxLength: source.shape.config.maxPositions }),
    writeMore: async (folder) => {
      writeHeadFiles(folder, source);
      await writeOnnx(folder, source, options);
      result = resultOf(options, prepared, await verifyOnnx(folder, options, prepared));
    },
  });
  return result as unknown as ExportResult; // Whatever fails above throws.
}

function verifyOnnx(
  folder: string,
  { dtypes = MODEL_DTYPES, maxDrop = 0.01, force = false, onProgress = () => {}, signal }: ExportOptions,
  { source, sample, check }: Prepared,
): Promise<Verification> {
  onProgress(`comparing with Limbeck's own on ${sample.tokenCount} tokens of ${sample.source}`);
  const options = { source, sample, check, maxDrop, force, onProgress, signal };
  return verify(join(folder, "onnx"), filesOf(dtypes), options);
}

function resultOf(
  { out }: ExportOptions,
  { whole, source, sample, unknownBefore, check }: Prepared,
  { files, score }: Verification,
): ExportResult {
  return {
    ...{ out, task: KIND_RECORDS[source.shape.kind].pipeline, files },
    vocabulary: { before: whole.shape.config.vocabSize, after: source.shape.config.vocabSize },
    comparedOn: {
      ...{ source: sample.source, tokens: sample.tokenCount },
      ...{ unknownBefore, unknown: sample.unknownShare },
    },
    check: check === null || score === null ? null : { task: check.task.name, score },
  };
}

function filesOf(dtypes: readonly ModelDType[]): OnnxFileKind[] {
  return ONNX_FILES.filter(({ dtype }) => dtypes.includes(dtype));
}

async function writeOnnx(
  folder: string,
  source: ExportSource,
  { dtypes = MODEL_DTYPES, onProgress = () => {}, signal }: ExportOptions,
): Promise<void> {
  mkdirSync(join(folder, "onnx"));
  for (const kind of filesOf(dtypes)) {
    await yieldToEvents();
    signal?.throwIfAborted();
    onProgress(`writing onnx/${kind.name}`);
    writeOnnxFile(join(folder, "onnx"), kind, source);
  }
}

function writeHeadFiles(folder: string, { shape: { config, kind } }: ExportSource): void {
  for (const [path, content] of HEAD_GRAPHS[kind].files(config)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeSynced(join(folder, path), [Buffer.from(formatJson(content))]);
  }
}

/** The parameters that the task needs, as they lie in the source. */
function* tensorsOf({ weights, parameterNames }: ExportSource): Generator<[string, TensorSource]> {
  for (const name of parameterNames) yield [name, { ...weights.entry(name), bytes: () => weights.read(name) }];
}
