import { ConfigError, FormatError } from "../errors.js";
import { type Family, fromFileName, toFileNames } from "../families/family.js";
import { quoted } from "../storage/json-file.js";
import type { TensorEntries, TensorReader, TensorSource } from "./safetensors.js";
import type { TensorInfo } from "./safetensors-header.js";

const NAMED = 3;

/** A model's parameters under our names, read on demand from a file that has its family's. */
export class ModelWeights implements Disposable {
  readonly path: string;
  readonly family: Family;
  /** Our names of what the file holds. */
  readonly names: readonly string[];
  readonly #reader: TensorReader;
  readonly #sources: ReadonlyMap<string, readonly string[]>;

  /**
   * @param path   named in errors
   * @param reader closed with this
   * @throws FormatError when a name is unknown, part of query, key and value is missing, or a tied copy differs
   */
  constructor(path: string, family: Family, reader: TensorReader) {
    this.path = path;
    this.family = family;
    this.#reader = reader;
    const { sources, tied } = mapNames(path, family, reader);
    this.#sources = sources;
    this.names = [...sources.keys()];
    for (const [copy, ours] of tied) this.#checkTied(copy, ours);
  }

  has(name: string): boolean {
    return this.#sources.has(name);
  }

  /** @throws FormatError when the file has no such parameter */
  entry(name: string): TensorInfo {
    const [first, ...others] = this.#sourcesOf(name).map((source) => this.#reader.entry(source));
    if (first === undefined || others.length === 0) return first ?? { dtype: "float32", shape: [] };
    const [rows = 0, ...rest] = first.shape;
    for (const other of others) {
      if (other.dtype !== first.dtype || `${other.shape}` !== `${first.shape}`) {
        const got = `${describe(first)} and ${describe(other)}`;
        throw new FormatError(this.path, `${name}: expected query, key and value of one dtype and shape, got ${got}.`);
      }
    }
    return { dtype: first.dtype, shape: [rows * (others.length + 1), ...rest] };
  }

  /**
   * A parameter's bytes, row-major, little endian.
   *
   * @throws FormatError when the file has no such parameter
   */
  read(name: string): Uint8Array {
    const parts = this.#sourcesOf(name).map((source) => this.#reader.read(source));
    const [only] = parts;
    return only !== undefined && parts.length === 1 ? only : Buffer.concat(parts);
  }

  /**
   * Checks that the file holds these parameters in these shapes, and nothing else but heads.
   *
   * @param expected our names, with the shapes that follow from config.json
   * @throws FormatError naming the first few and the counts
   */
  expect(expected: ReadonlyMap<string, readonly number[]>): void {
    const missing = [...expected.keys()].filter((name) => !this.has(name));
    const unexpected = this.names.filter((name) => !expected.has(name) && !this.#isOfHead(name));
    if (missing.length > 0 || unexpected.length > 0) {
      throw new FormatError(
        this.path,
        `expected the ${expected.size} parameters that config.json asks for, got ${this.#list("missing", missing)}` +
          `${missing.length > 0 && unexpected.length > 0 ? " and " : ""}${this.#list("unexpected", unexpected)}. ` +
          "The weights and config.json belong to different models: fetch both again.",
      );
    }
    for (const [name, shape] of expected) this.#checkShape(name, shape);
  }

  [Symbol.dispose](): void {
    this.#reader.close();
  }

  #sourcesOf(name: string): readonly string[] {
    const sources = this.#sources.get(name);
    if (sources !== undefined) return sources;
    const theirs = toFileNames(this.family, name, { bare: true }).join(", ");
    throw new FormatError(this.path, `expected the parameter ${theirs}, got none of that name.`);
  }

  /** What a file may hold and a caller leave unread. */
  #isOfHead(name: string): boolean {
    const heads = ["pooler", ...this.family.names.heads.map(([ours]) => ours)];
    return heads.some((module) => name.startsWith(`${module}.`));
  }

  #checkShape(name: string, shape: readonly number[]): void {
    const got = this.entry(name).shape;
    if (`${got}` === `${shape}`) return;
    const theirs = toFileNames(this.family, name, { bare: true }).join(" + ");
    const what = `${theirs}: expected [${shape.join(", ")}] from config.json, got [${got.join(", ")}]`;
    throw new FormatError(this.path, `${what}. The weights and config.json belong to different models.`);
  }

  #checkTied(copy: string, ours: string): void {
    const [source = ""] = this.#sourcesOf(ours);
    const same =
      describe(this.#reader.entry(copy)) === describe(this.#reader.entry(source)) &&
      Buffer.compare(this.#reader.read(copy), this.#reader.read(source)) === 0;
    if (same) return;
    const what = `expected ${copy} to equal ${source} (tied), got different values`;
    throw new FormatError(this.path, `${what}. Models with an untied output layer are not supported.`);
  }

  #list(what: string, names: readonly string[]): string {
    if (names.length === 0) return "";
    const theirs = names.flatMap((name) => toFileNames(this.family, name, { bare: true }));
    return listed(what, theirs);
  }
}

/** `2 missing (a, b)`, `9 missing (a, b, c, …)`. */
function listed(what: string, names: readonly string[]): string {
  const first = names.slice(0, NAMED).join(", ");
  return `${names.length} ${what} (${first}${names.length > NAMED ? ", …" : ""})`;
}

interface MappedNames {
  /** Our name → the file's, in the order of their rows. */
  readonly sources: Map<string, string[]>;
  /** Copies that must equal what they are tied to: the file's name → ours. */
  readonly tied: Map<string, string>;
}

function mapNames(path: string, family: Family, reader: TensorReader): MappedNames {
  const found = new Map<string, { parts: number; names: string[] }>();
  const tied = new Map<string, string>();
  const unknown: string[] = [];
  for (const name of reader.names) {
    const read = fromFileName(family, name);
    if (read.kind === "tied") tied.set(name, read.ours);
    else if (read.kind === "unknown") unknown.push(name);
    else if (read.kind === "parameter") {
      const { names } = getOrAdd(found, read.ours, read.parts);
      const twin = names[read.part];
      if (twin !== undefined) {
        throw new FormatError(path, `expected ${read.ours} once, got it as ${quoted(twin)} and ${quoted(name)}.`);
      }
      names[read.part] = name;
    }
  }
  if (unknown.length > 0) {
    const got = listed("unexpected", unknown.map(quoted));
    throw new FormatError(path, `expected the parameters of a ${family.modelType}, got ${got}. Is model_type right?`);
  }
  adoptTied(found, tied);
  return { sources: completeSources(path, family, found), tied };
}

/** A file may hold a tied parameter under its second name only: tools that drop duplicates keep either. */
function adoptTied(found: Map<string, { parts: number; names: string[] }>, tied: Map<string, string>): void {
  for (const [copy, ours] of tied) {
    if (found.has(ours)) continue;
    found.set(ours, { parts: 1, names: [copy] });
    tied.delete(copy);
  }
}

function completeSources(
  path: string,
  family: Family,
  found: ReadonlyMap<string, { parts: number; names: string[] }>,
): Map<string, string[]> {
  const sources = new Map<string, string[]>();
  for (const [ours, { parts, names }] of found) {
    const missing = toFileNames(family, ours, { bare: true }).filter((_, part) => names[part] === undefined);
    if (parts > 1 && missing.length > 0) {
      throw new FormatError(path, `expected query, key and value together, got ${listed("missing", missing)}.`);
    }
    sources.set(ours, names);
  }
  return sources;
}

function getOrAdd(
  found: Map<string, { parts: number; names: string[] }>,
  ours: string,
  parts: number,
): { parts: number; names: string[] } {
  const entry = found.get(ours) ?? { parts, names: [] };
  found.set(ours, entry);
  return entry;
}

function describe({ dtype, shape }: TensorInfo): string {
  return `${dtype} [${shape.join(", ")}]`;
}

/** Our parameters under the names that files of a family have, query, key and value split; bytes stay lazy. */
export function* fileEntries(
  tensors: TensorEntries,
  { family, bare }: { family: Family; bare: boolean },
): Generator<readonly [string, TensorSource]> {
  for (const [name, tensor] of tensors) {
    const names = toFileNames(family, name, { bare });
    for (const [part, theirs] of names.entries()) {
      yield [theirs, names.length === 1 ? tensor : rowsOf(tensor, { name, part, parts: names.length })];
    }
  }
}

/** One of `parts` equal runs of rows. */
function rowsOf(
  tensor: TensorSource,
  { name, part, parts }: { name: string; part: number; parts: number },
): TensorSource {
  const [rows = 0, ...rest] = tensor.shape;
  if (rows % parts !== 0)
    throw new ConfigError(`parameter "${name}" has ${rows} rows: expected a multiple of ${parts}.`);
  const bytes = (): Uint8Array => {
    const all = typeof tensor.bytes === "function" ? tensor.bytes() : tensor.bytes;
    const each = all.byteLength / parts;
    return all.subarray(part * each, (part + 1) * each);
  };
  return { dtype: tensor.dtype, shape: [rows / parts, ...rest], bytes };
}
