import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DType } from "../../src/engine/tensor/dtype.js";
import { openSafetensors } from "../../src/hub/safetensors.js";
import { temporaryFolder } from "../storage/temporary-folder.js";
import { f32 } from "./example-model.js";
import { writeSafetensors } from "./write-safetensors.js";

test("lays a file out as the format says, byte by byte", () => {
  const path = join(temporaryFolder(), "one.safetensors");
  writeSafetensors(path, [["w", f32([2], [1, -2])]], { format: "pt" });
  const json = '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8, " ");
  const data = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]; // 1 and -2 in IEEE 754, little endian
  expect([...readFileSync(path)]).toEqual([padded.length, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(padded), ...data]);
});

test.each<[DType, number]>([
  ["float64", 8],
  ["float32", 4],
  ["float16", 2],
  ["bfloat16", 2],
  ["int64", 8],
  ["int32", 4],
  ["uint8", 1],
  ["bool", 1],
])("gives %s back as it was, %i bytes an element", (dtype, elementBytes) => {
  const path = join(temporaryFolder(), "t.safetensors");
  const bytes = Uint8Array.from({ length: 6 * elementBytes }, (_, i) => (dtype === "bool" ? i & 1 : i));
  writeSafetensors(path, new Map([["t", { dtype, shape: [2, 3], bytes }]]));
  using file = openSafetensors(path);
  expect(file.entry("t")).toMatchObject({ dtype, shape: [2, 3] });
  expect([...file.read("t")]).toEqual([...bytes]);
});

test("begins every tensor at a multiple of its element size", () => {
  const path = join(temporaryFolder(), "mixed.safetensors");
  const tensors = new Map([
    ["a", { dtype: "uint8" as const, shape: [3], bytes: Uint8Array.of(1, 2, 3) }],
    ["b", f32([1], [4])],
    ["c", { dtype: "bfloat16" as const, shape: [1], bytes: Uint8Array.of(5, 6) }],
  ]);
  writeSafetensors(path, tensors);
  using file = openSafetensors(path);
  expect(file.names).toEqual(["b", "c", "a"]);
  expect([...file.read("a")]).toEqual([1, 2, 3]);
  expect([...file.read("c")]).toEqual([5, 6]);
});

test("has tensors of one size in the order of their names, however they were given", () => {
  const path = join(temporaryFolder(), "names.safetensors");
  writeSafetensors(
    path,
    ["b", "a", "c"].map((name) => [name, f32([1], [1])] as const),
  );
  using file = openSafetensors(path);
  expect(file.names).toEqual(["a", "b", "c"]);
});

test.skipIf(!existsSync("/proc/self/fd"))("is closed when it is disposed of, or cannot be read (needs /proc)", () => {
  const path = join(temporaryFolder(), "a.safetensors");
  writeSafetensors(path, [["a", f32([1], [1])]]);
  const open = () => readdirSync("/proc/self/fd").length;
  const before = open();
  const file = openSafetensors(path);
  expect(open()).toBe(before + 1);
  file.close();
  file.close();
  expect(open()).toBe(before);
  expect(() => file.read("a")).toThrow('tensor "a" was read after the file was closed');
  writeFileSync(path, "no header");
  expect(() => openSafetensors(path)).toThrow(path);
  expect(open()).toBe(before);
});

test("keeps scalars, empty tensors, odd names and metadata", () => {
  const path = join(temporaryFolder(), "odd.safetensors");
  const names = ["", "__proto__", "a\nb", 'quote"', "é", "7"];
  const tensors = names.map((name, i) => [name, f32([], [i])] as const);
  writeSafetensors(path, [...tensors, ["none", f32([0, 3], [])]], { note: "ü" });
  using file = openSafetensors(path);
  expect([...file.names].sort()).toEqual([...names, "none"].sort());
  for (const [name, { bytes }] of tensors) expect([...file.read(name)]).toEqual([...bytes]);
  expect(file.read("none").byteLength).toBe(0);
  expect(file.metadata).toEqual({ note: "ü" });
});

test("asks for one tensor's bytes at a time, while it writes", () => {
  const path = join(temporaryFolder(), "lazy.safetensors");
  const asked: string[] = [];
  const bytesOf = (name: string): Uint8Array => {
    asked.push(name);
    return new Uint8Array(4);
  };
  const lazy = (name: string) => ({ ...f32([1], [0]), bytes: () => bytesOf(name) });
  writeSafetensors(
    path,
    ["b", "a"].map((name) => [name, lazy(name)] as const),
  );
  expect(asked).toEqual(["a", "b"]);
});

test("leaves what was there, and nothing else, when a tensor's bytes do not fit its shape", () => {
  const folder = temporaryFolder();
  const path = join(folder, "kept.safetensors");
  writeFileSync(path, "before");
  expect(() => writeSafetensors(path, [["w", { ...f32([3], [1]), bytes: new Uint8Array(4) }]])).toThrow(
    'tensor "w": float32 [3]: expected 12 bytes, got 4.',
  );
  expect(readFileSync(path, "utf8")).toBe("before");
  expect(readdirSync(folder)).toEqual(["kept.safetensors"]);
});

test("refuses a name given twice", () => {
  const path = join(temporaryFolder(), "twice.safetensors");
  const twice = ["w", "w"].map((name) => [name, f32([1], [1])] as const);
  expect(() => writeSafetensors(path, twice)).toThrow('tensor "w" was given twice');
});

test("refuses to read after it was closed, and a name that is not there", () => {
  const path = join(temporaryFolder(), "closed.safetensors");
  writeSafetensors(path, [["w", f32([1], [1])]]);
  const file = openSafetensors(path);
  expect(() => file.read("v")).toThrow('expected a tensor "v", got none of that name');
  file.close();
  expect(() => file.read("w")).toThrow("after the file was closed");
});
