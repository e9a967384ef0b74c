import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeSynced } from "../checkpoint/disk.js";
import { writeModelFolder } from "../checkpoint/folder.js";
import { formatJson } from "../checkpoint/json-file.js";
import type { TensorSource } from "../checkpoint/safetensors.js";
import { FormatError } from "../errors.js";
import { exportCard } from "./export-card.js";
import type { ExportTask } from "./heads.js";
import { type ExportDType, ONNX_FILES, writeOnnxFile } from "./onnx-files.js";
import { poolingFiles } from "./pooling.js";
import { readSample } from "./sample.js";
import { type ExportSource, openSource } from "./source.js";
import { prepareCheck, type TaskCheck } from "./task-check.js";
import { trimSource } from "./trim.js";
import { type ExportedFile, type Verification, verify } from "./verify.js";

export interface ExportOptions {
  /** A model folder or a Hub id. */
  readonly model: string;
  /** A new folder, or an empty one. */
  readonly out: string;
  /** Null for what the model's head is for. */
  readonly task: ExportTask | null;
  readonly dtypes: readonly ExportDType[];
  /** A corpus whose word pieces are kept, and no others; null keeps all. */
  readonly trimVocab: readonly string[] | null;
  /** What files are compared on; null for passages that come with Limbeck. */
  readonly text: readonly string[] | null;
  /** A task whose score must not fall; null for none. */
  readonly check: TaskCheck | null;
  /** The share of the task's score that a file may lose. */
  readonly maxDrop: number;
  /** Writes files that lose more, too. */
  readonly force: boolean;
  readonly onProgress?: (line: string) => void;
}

export interface ExportResult {
  readonly out: string;
  readonly task: ExportTask;
  /** Word pieces of the model that was read, and of the one that was written. */
  readonly vocabulary: { readonly before: number; readonly after: number };
  readonly comparedOn: {
    readonly source: string;
    readonly tokens: number;
    /** Word pieces that are [UNK], as a share, by the tokenizer as it was and as it is. */
    readonly unknownBefore: number;
    readonly unknown: number;
  };
  /** The task that was checked, with Limbeck's own score; null for none. */
  readonly check: { readonly task: string; readonly score: number } | null;
  readonly files: readonly ExportedFile[];
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
  const { model, out, task, trimVocab, text, check, onProgress = () => {} } = options;
  refuseTaken(out);
  using whole = await openSource(model, task);
  const source = trimVocab === null ? whole : await trimSource(whole, trimVocab);
  const { shape, tokenizer } = source;
  const { maxPositions } = shape.config;
  const sample = await readSample(text, tokenizer, { task: shape.task, maxPositions });
  const before =
    trimVocab === null ? sample : await readSample(text, whole.tokenizer, { task: shape.task, maxPositions });
  const prepared = check === null ? null : await prepareCheck(whole.folder.path, tokenizer, check);
  let verification: Verification | null = null;
  const result = (): ExportResult => {
    const { files, score } = verification as Verification;
    return {
      ...{ out, task: shape.task, files },
      vocabulary: { before: whole.shape.config.vocabSize, after: shape.config.vocabSize },
      comparedOn: {
        ...{ source: sample.source, tokens: sample.tokenCount },
        ...{ unknownBefore: before.unknownShare, unknown: sample.unknownShare },
      },
      check: prepared === null || score === null ? null : { task: prepared.task.name, score },
    };
  };
  await writeModelFolder({
    path: out,
    config: source.config,
    tensors: tensorsOf(source),
    card: () => exportCard(result(), { model, family: source.folder.family }),
    saveTokenizer: (folder) => tokenizer.save(folder, { maxLength: maxPositions }),
    writeMore: async (folder) => {
      if (shape.task === "embed") writePooling(folder, source);
      writeOnnx(folder, source, options);
      onProgress(`comparing with Limbeck's own on ${sample.tokenCount} tokens of ${sample.source}`);
      const files = ONNX_FILES.filter(({ dtype }) => options.dtypes.includes(dtype));
      const { maxDrop, force } = options;
      const compared = { source, sample, check: prepared, maxDrop, force, onProgress };
      verification = await verify(join(folder, "onnx"), files, compared);
    },
  });
  return result();
}

function writeOnnx(folder: string, source: ExportSource, { dtypes, onProgress = () => {} }: ExportOptions): void {
  mkdirSync(join(folder, "onnx"));
  for (const kind of ONNX_FILES.filter(({ dtype }) => dtypes.includes(dtype))) {
    onProgress(`writing onnx/${kind.name}`);
    writeOnnxFile(join(folder, "onnx"), kind, source);
  }
}

function writePooling(folder: string, { shape: { config } }: ExportSource): void {
  for (const [path, content] of poolingFiles(config)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeSynced(join(folder, path), [Buffer.from(formatJson(content))]);
  }
}

/** The parameters that the task needs, as they lie in the source. */
function* tensorsOf({ weights, parameterNames }: ExportSource): Generator<[string, TensorSource]> {
  for (const name of parameterNames) yield [name, { ...weights.entry(name), bytes: () => weights.read(name) }];
}

/** @throws FormatError when `out` is a file, or a folder that holds something */
function refuseTaken(out: string): void {
  if (!existsSync(out)) return;
  if (!statSync(out).isDirectory()) {
    throw new FormatError(out, "expected a new folder to export to, got a file. Give another path.");
  }
  const [first] = readdirSync(out);
  if (first === undefined) return;
  throw new FormatError(
    out,
    `expected a new or an empty folder to export to, got one that holds ${JSON.stringify(first)}. Give another path, or move it away.`,
  );
}
