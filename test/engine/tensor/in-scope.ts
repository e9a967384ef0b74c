import { afterEach, beforeEach, expect } from "vitest";
import { liveTensors, TensorScope } from "../../../src/engine/tensor/scope.js";

/** Runs every test of the file in a scope of its own, and fails those that leave a tensor behind. */
export function runTestsInScope(): void {
  let before = 0;
  let scope: TensorScope;
  beforeEach(() => {
    before = liveTensors();
    scope = new TensorScope();
  });
  afterEach(() => {
    scope[Symbol.dispose]();
    expect(liveTensors(), "tensors left behind").toBe(before);
  });
}
