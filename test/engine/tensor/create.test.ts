import { describe, expect, test } from "vitest";
import { arange, fromBytes, full, ones, tensor, zeros } from "../../../src/engine/tensor/create.js";
import { bytesPerElement, dtypes } from "../../../src/engine/tensor/dtype.js";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { runTestsInScope } from "./in-scope.js";

runTestsInScope();

describe("tensor", () => {
  test("takes nested arrays, in f32 unless another dtype is given", () => {
    const x = tensor([
      [1, 2.5, -3],
      [4, 5, 6],
    ]);
    expect(x.shape).toEqual([2, 3]);
    expect(x.dtype).toBe("float32");
    expect(x.toFloat32Array()).toEqual(Float32Array.of(1, 2.5, -3, 4, 5, 6));
    expect(tensor([1, 2], { dtype: "int64" }).dtype).toBe("int64");
  });

  test("takes a number as a scalar, and an empty array as no elements", () => {
    expect(tensor(2.5).shape).toEqual([]);
    expect(tensor(2.5).item()).toBe(2.5);
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(tensor([]).toFloat32Array()).toEqual(new Float32Array(0));
  });

  test("takes booleans", () => {
    expect(tensor([true, false], { dtype: "bool" }).toBytes()).toEqual(Uint8Array.of(1, 0));
  });

  test.each([
    [Float32Array.of(1, 2), "float32"],
    [Float64Array.of(1, 2), "float64"],
    [Int32Array.of(1, 2), "int32"],
    [BigInt64Array.of(1n, 2n), "int64"],
    [Uint8Array.of(1, 2), "uint8"],
  ] as const)("keeps the dtype of a typed array: %s", (data, dtype) => {
    expect(tensor(data).dtype).toBe(dtype);
    expect(tensor(data).toInt32Array()).toEqual(Int32Array.of(1, 2));
  });

  test("reads a typed array that begins in the middle of its buffer", () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    expect(tensor(data, { shape: [2, 1] }).toFloat32Array()).toEqual(Float32Array.of(1, 2));
  });

  test("copies: a later change of the array does not reach it", () => {
    const data = Float32Array.of(1);
    const x = tensor(data);
    data[0] = 2;
    expect(x.item()).toBe(1);
  });

  test("makes one tensor, also where it converts", () => {
    const before = liveTensors();
    tensor([1], { dtype: "bfloat16" });
    expect(liveTensors()).toBe(before + 1);
  });
});

test("full, zeros, ones and arange", () => {
  expect(full([2, 2], 1.5).toFloat32Array()).toEqual(Float32Array.of(1.5, 1.5, 1.5, 1.5));
  expect(full([1], 3, { dtype: "int64" }).item()).toBe(3);
  expect(zeros([2]).toFloat32Array()).toEqual(Float32Array.of(0, 0));
  expect(ones([2], { dtype: "bool" }).toBytes()).toEqual(Uint8Array.of(1, 1));
  expect(arange(3).dtype).toBe("int64");
  expect(arange(3).toInt32Array()).toEqual(Int32Array.of(0, 1, 2));
});

describe("bytes", () => {
  test.each(dtypes)("go in and come out the same in %s", (dtype) => {
    const bytes = Uint8Array.from({ length: 6 * bytesPerElement(dtype) }, (_, i) => (dtype === "bool" ? i % 2 : i + 1));
    const x = fromBytes(bytes, [2, 3], { dtype });
    expect(x.dtype).toBe(dtype);
    expect(x.toBytes()).toEqual(bytes);
  });

  test("come out in row-major order whatever the strides", () => {
    const x = tensor(Uint8Array.of(1, 2, 3, 4, 5, 6), { shape: [2, 3] });
    expect(x.transpose(0, 1).toBytes()).toEqual(Uint8Array.of(1, 4, 2, 5, 3, 6));
    expect(x.narrow(1, 1, 2).toBytes()).toEqual(Uint8Array.of(2, 3, 5, 6));
    expect(x.select(0, 0).expand([2, 3]).toBytes()).toEqual(Uint8Array.of(1, 2, 3, 1, 2, 3));
  });

  test("of bf16 are the upper half of f32's", () => {
    expect(tensor([1.5], { dtype: "bfloat16" }).toBytes()).toEqual(Uint8Array.of(0xc0, 0x3f));
  });
});

test("reading back leaves no tensor behind, inside a scope or out", () => {
  const x = tensor([1, 2], { dtype: "bfloat16" });
  const before = liveTensors();
  expect(x.toFloat32Array()).toEqual(Float32Array.of(1, 2));
  expect(x.toInt32Array()).toEqual(Int32Array.of(1, 2));
  expect(liveTensors()).toBe(before);
});

test("toDevice to the same device gives the same numbers", () => {
  expect(tensor([1, 2]).toDevice("cpu").toFloat32Array()).toEqual(Float32Array.of(1, 2));
});
