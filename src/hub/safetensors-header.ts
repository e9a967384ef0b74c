import { z } from "zod";
import { bytesPerElement, type DType } from "../engine/tensor/dtype.js";
import { FormatError } from "../errors.js";
import { isJsonObject, kindOf, oneLine, quoted } from "../storage/json-file.js";

/** What a tensor is, without its bytes. */
export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Where a tensor lies: bytes `begin` to `end` of the data, which follows the header. */
export interface TensorRange extends TensorInfo {
  readonly begin: number;
  readonly end: number;
}

/** A file's header, checked: the ranges tile the data without holes or overlaps. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorRange>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit on the header's JSON. */
export const MAX_HEADER_BYTES = 100_000_000;

const REWRITE = "The file is damaged or was not written by safetensors: fetch or write it again.";

const DTYPES: Readonly<Record<string, DType>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  U8: "uint8",
  BOOL: "bool",
};

const DTYPE_CODES = Object.fromEntries(Object.entries(DTYPES).map(([code, dtype]) => [dtype, code]));

const Entry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

/**
 * Reads and checks a header's JSON in full.
 *
 * @param json      the header's bytes, padding included
 * @param dataBytes bytes of data after the header
 * @throws FormatError naming the file and the entry
 * Source: the format's description, https://huggingface.co/docs/safetensors
 */
export function parseHeader(path: string, json: Uint8Array, dataBytes: number): SafetensorsHeader {
  const { __metadata__: metadata, ...entries } = parseObject(path, json);
  const tensors = new Map<string, TensorRange>();
  for (const [name, entry] of Object.entries(entries)) tensors.set(name, parseEntry(path, name, entry));
  checkTiling(path, tensors, dataBytes);
  return { tensors, metadata: parseMetadata(path, metadata) };
}

/** The bytes before the data: the length field and the header's JSON, padded with spaces to a multiple of 8. */
export function formatHeader({ tensors, metadata }: SafetensorsHeader): Uint8Array {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  for (const [name, { dtype, shape, begin, end }] of tensors) {
    entries.push([name, { dtype: DTYPE_CODES[dtype], shape, data_offsets: [begin, end] }]);
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const header = Buffer.alloc(8 + padded, " ");
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}

/** Bytes a tensor takes, or NaN where the product is not exact. */
export function tensorBytes({ dtype, shape }: TensorInfo): number {
  const bytes = shape.reduce((product, size) => product * size, bytesPerElement(dtype));
  return Number.isSafeInteger(bytes) ? bytes : Number.NaN;
}

function parseObject(path: string, json: Uint8Array): Record<string, unknown> {
  const damaged = (got: string, cause?: unknown): FormatError =>
    new FormatError(path, `expected a safetensors header (a JSON object), got ${got}. ${REWRITE}`, { cause });
  if (json[0] !== 0x7b) throw damaged(`a first byte of 0x${(json[0] ?? 0).toString(16).padStart(2, "0")}`);
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(`text that is not JSON (${oneLine(error)})`, error);
  }
  if (!isJsonObject(value)) throw damaged(kindOf(value));
  const twice = duplicateKey(text);
  if (twice !== null) throw new FormatError(path, `expected each name once, got ${quoted(twice)} twice. ${REWRITE}`);
  return value;
}

/** A key that stands twice in one object, which `JSON.parse` would silently merge; the text is known to be JSON. */
function duplicateKey(json: string): string | null {
  const open: Set<string>[] = [];
  let last = "";
  for (let i = 0; i < json.length; i += 1) {
    const character = json[i];
    if (character === "{") open.push(new Set());
    else if (character === "}") open.pop();
    else if (character === '"') {
      const end = stringEnd(json, i);
      last = json.slice(i, end);
      i = end - 1;
    } else if (character === ":") {
      const key: string = JSON.parse(last);
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return null;
}

/** The index after the closing quote of the JSON string that begins at `start`. */
function stringEnd(json: string, start: number): number {
  for (let i = start + 1; i < json.length; i += 1) {
    if (json[i] === "\\") i += 1;
    else if (json[i] === '"') return i + 1;
  }
  return json.length;
}

function parseEntry(path: string, name: string, entry: unknown): TensorRange {
  const parsed = Entry.safeParse(entry);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.length ? `${issue.path.join(".")}: ` : "";
    throw new FormatError(path, `tensor ${quoted(name)}: ${where}${issue?.message ?? "invalid"}. ${REWRITE}`);
  }
  const [begin, end] = parsed.data.data_offsets;
  const { dtype: code, shape } = parsed.data;
  const dtype = Object.hasOwn(DTYPES, code) ? DTYPES[code] : undefined;
  if (dtype === undefined) {
    const known = Object.keys(DTYPES).join(", ");
    throw new FormatError(
      path,
      `tensor ${quoted(name)}: expected a dtype of ${known}, got ${quoted(code)}. Convert it first.`,
    );
  }
  const expected = tensorBytes({ dtype, shape });
  if (end - begin !== expected) {
    const size = Number.isNaN(expected) ? "more than 2^53" : expected;
    const what = `${code} [${shape.join(", ")}]: expected ${size} bytes, got data_offsets of ${end - begin}`;
    throw new FormatError(path, `tensor ${quoted(name)}: ${what}. ${REWRITE}`);
  }
  return { dtype, shape, begin, end };
}

function checkTiling(path: string, tensors: ReadonlyMap<string, TensorRange>, dataBytes: number): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [name, { begin, end }] of inOrder) {
    if (end > dataBytes) {
      const what = `expected data_offsets within ${dataBytes} bytes of data, got [${begin}, ${end}]`;
      throw new FormatError(path, `tensor ${quoted(name)}: ${what}. The file is truncated or lies: fetch it again.`);
    }
    if (begin !== covered) {
      const fault = begin < covered ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new FormatError(
        path,
        `tensor ${quoted(name)} ${fault}: expected offset ${covered}, got ${begin}. ${REWRITE}`,
      );
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    const what = `expected ${covered} bytes of data, got ${dataBytes}, some of them in no tensor`;
    throw new FormatError(path, `${what}. ${REWRITE}`);
  }
}

function parseMetadata(path: string, metadata: unknown): Record<string, string> {
  if (metadata === undefined) return {};
  const parsed = z.record(z.string(), z.string()).safeParse(metadata);
  if (parsed.success) return parsed.data;
  throw new FormatError(path, `"__metadata__": expected an object of strings, got ${kindOf(metadata)}. ${REWRITE}`);
}
