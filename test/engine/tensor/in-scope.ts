import { getFn, setFn } from "@vitest/runner"; // vitest's own; as TestRunner.setTestFn vitest 4.1 gives `getFn` again.
import { afterEach, beforeEach, expect } from "vitest";
import { liveTensors, TensorScope } from "../../../src/engine/tensor/scope.js";

/** Runs every test of the file, none of which waits, in a scope of its own, and fails those that leave a tensor behind. */
export function runTestsInScope(): void {
  let before = 0;
  beforeEach(({ task }) => {
    before = liveTensors();
    const run = getFn(task);
    setFn(task, () => {
      using _scope = new TensorScope(); // No hook: a scope ends before anything is awaited.
      return run();
    });
  });
  afterEach(() => {
    expect(liveTensors(), "tensors left behind").toBe(before);
  });
}
