import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesPerElement } from "../../src/engine/tensor/dtype.js";
import { FormatError } from "../../src/errors.js";
import { openSafetensors } from "../../src/hub/safetensors.js";
import { temporaryFolder } from "../storage/temporary-folder.js";
import { f32 } from "./example-model.js";
import { writeSafetensors } from "./write-safetensors.js";

/** A file with this header and so many bytes of data; the length field can lie. */
function fileOf(header: unknown, dataBytes: number, lengthField?: bigint): string {
  const json =
    header instanceof Buffer ? header : Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(lengthField ?? BigInt(json.byteLength));
  const path = join(temporaryFolder(), "m.safetensors");
  writeFileSync(path, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
  return path;
}

const W = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const tooDeep = `{"w":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;

test.each<[string, unknown, number, bigint | undefined, string]>([
  ["a length field beyond the file", { w: W }, 8, 4096n, "expected a header of 4096 bytes, got a file of"],
  [
    "a length field beyond the format's limit",
    { w: W },
    8,
    1n << 62n,
    "at most 100000000 bytes, got a length field of",
  ],
  ["a length field that cuts the header", { w: W }, 8, 20n, "got text that is not JSON"],
  ["an empty header", "", 0, undefined, "got a first byte of 0x00"],
  ["a header that is not JSON", "{nope}", 0, undefined, "got text that is not JSON"],
  ["a header that is not UTF-8", Buffer.of(0x7b, 0xff, 0x7d), 0, undefined, "not valid for encoding utf-8"],
  ["a header that is an array", "[1]", 0, undefined, "got a first byte of 0x5b"],
  ["nesting without end", tooDeep, 0, undefined, 'tensor "w":'],
  ["an entry that is not an object", { w: 3 }, 0, undefined, 'tensor "w": Invalid input: expected object'],
  ["an entry without a dtype", { w: { ...W, dtype: undefined } }, 8, undefined, 'tensor "w": dtype: '],
  ["an unknown dtype", { w: { ...W, dtype: "F31" } }, 8, undefined, 'tensor "w": expected a dtype of F64, F32'],
  ["a dtype of Object's", { w: { ...W, dtype: "toString" } }, 8, undefined, 'got "toString"'],
  ["a negative size", { w: { ...W, shape: [-2] } }, 8, undefined, 'tensor "w": shape.0: '],
  ["a fractional size", { w: { ...W, shape: [0.5] } }, 8, undefined, 'tensor "w": shape.0: '],
  ["a size beyond 2^53", { w: { ...W, shape: [2 ** 60] } }, 8, undefined, 'tensor "w": shape.0: '],
  ["a product beyond 2^53", { w: { ...W, shape: [2 ** 40, 2 ** 40] } }, 8, undefined, "more than 2^53 bytes"],
  ["a shape that is not a list", { w: { ...W, shape: 2 } }, 8, undefined, 'tensor "w": shape: '],
  ["three offsets", { w: { ...W, data_offsets: [0, 8, 8] } }, 8, undefined, 'tensor "w": data_offsets'],
  [
    "offsets that do not fit the shape",
    { w: { ...W, shape: [3] } },
    8,
    undefined,
    "expected 12 bytes, got data_offsets of 8",
  ],
  ["offsets the wrong way round", { w: { ...W, data_offsets: [8, 0] } }, 8, undefined, "got data_offsets of -8"],
  ["offsets beyond the data", { w: W }, 4, undefined, "within 4 bytes of data, got [0, 8]"],
  ["overlapping tensors", { w: W, v: { ...W, data_offsets: [4, 12] } }, 12, undefined, "overlaps the tensor before it"],
  ["two tensors on the same bytes", { w: W, v: W }, 8, undefined, "overlaps the tensor before it"],
  ["a hole", { w: W, v: { ...W, data_offsets: [12, 20] } }, 20, undefined, "leaves a hole before it"],
  ["data that no tensor owns", { w: W }, 9, undefined, "expected 8 bytes of data, got 9"],
  [
    "a name with a quote twice",
    '{"a\\"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a\\"b":1}',
    0,
    undefined,
    "twice",
  ],
  [
    "a name with a backslash at its end twice",
    '{"a\\\\":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a\\\\":1}',
    0,
    undefined,
    "twice",
  ],
  ["a name twice", '{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0077":1}', 0, undefined, 'got "w" twice'],
  [
    "metadata that is not strings",
    { __metadata__: { a: 1 }, w: W },
    8,
    undefined,
    '"__metadata__": expected an object of',
  ],
])("refuses %s in one line", (_, header, dataBytes, lengthField, words) => {
  const path = fileOf(header, dataBytes, lengthField);
  const error = errorOf(() => openSafetensors(path));
  expect(error).toBeInstanceOf(FormatError);
  expect(error.message).toContain(words);
  expect(error.message.startsWith(`${path}: `)).toBe(true);
  expect(error.message).not.toContain("\n");
  expect(error.message.length).toBeLessThan(path.length + 400);
});

test.each([
  ["missing", (path: string) => `${path}-not`, "got nothing there"],
  ["a folder", (path: string) => join(path, ".."), "got"],
])("refuses a file that is %s", (_, wrong, words) => {
  const path = join(temporaryFolder(), "x.safetensors");
  writeFileSync(path, "x");
  expect(errorOf(() => openSafetensors(wrong(path)))).toBeInstanceOf(FormatError);
  expect(() => openSafetensors(wrong(path))).toThrow(words);
});

test("refuses a file cut anywhere", () => {
  const path = join(temporaryFolder(), "cut.safetensors");
  writeSafetensors(path, [["w", f32([4], [1, 2, 3, 4])]]);
  for (let bytes = readFileSync(path).byteLength - 1; bytes >= 0; bytes -= 1) {
    truncateSync(path, bytes);
    expect(
      errorOf(() => openSafetensors(path)),
      `cut to ${bytes} bytes`,
    ).toBeInstanceOf(FormatError);
  }
});

test("notices a file that is cut while it is open", () => {
  const path = join(temporaryFolder(), "shrinks.safetensors");
  writeSafetensors(path, [["w", f32([4], [1, 2, 3, 4])]]);
  using file = openSafetensors(path);
  truncateSync(path, readFileSync(path).byteLength - 4);
  expect(() => file.read("w")).toThrow("expected 4 more bytes");
});

// The format has no checksum: a changed letter of a name gives another name, and F32 may become I32. Whatever opens is
// consistent, though; run checkpoints have a SHA-256 besides.
test("any one byte changed in a header gives a consistent file or a FormatError", () => {
  const path = join(temporaryFolder(), "changed.safetensors");
  writeSafetensors(
    path,
    [
      ["a.weight", f32([2, 3], [1, 2, 3, 4, 5, 6])],
      ["b", f32([1], [7])],
    ],
    { format: "pt" },
  );
  const intact = readFileSync(path);
  const dataStart = 8 + Number(intact.readBigUInt64LE());
  const position = fc.nat(dataStart - 1);
  fc.assert(
    fc.property(position, fc.nat(255), (at, value) => {
      const changed = Buffer.from(intact);
      changed[at] = value;
      writeFileSync(path, changed);
      expectConsistentOrFormatError(path);
    }),
    { numRuns: 1000 },
  );
});

test("any bytes at all give a consistent file or a FormatError", () => {
  const path = join(temporaryFolder(), "noise.safetensors");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.json(), (noise, json) => {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
      writeFileSync(path, Buffer.concat([length, Buffer.from(json), noise]));
      expectConsistentOrFormatError(path);
    }),
    { numRuns: 300 },
  );
});

function expectConsistentOrFormatError(path: string): void {
  try {
    using file = openSafetensors(path);
    for (const name of file.names) {
      const { dtype, shape } = file.entry(name);
      expect(file.read(name).byteLength).toBe(shape.reduce((product, size) => product * size, bytesPerElement(dtype)));
    }
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
  }
}

function errorOf(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("expected it to throw");
}
