import { expect, test } from "vitest";
import { zeros } from "../../../src/engine/tensor/create.js";
import { liveTensors, TensorScope } from "../../../src/engine/tensor/scope.js";
import { LifetimeError } from "../../../src/errors.js";

const wait = () => new Promise((resolve) => setImmediate(resolve));

async function openAcrossAwait(pause: () => Promise<unknown>): Promise<void> {
  using _scope = new TensorScope();
  zeros([1]);
  await pause();
}

test.each([
  ["a settled promise", () => Promise.resolve()],
  ["an event", wait],
])("a scope that is open while %s is awaited throws, and frees what it owned", async (_, pause) => {
  const before = liveTensors();
  await expect(openAcrossAwait(pause)).rejects.toThrow(LifetimeError);
  await expect(openAcrossAwait(pause)).rejects.toThrow(/^a tensor scope was open across an await: open one in each /);
  expect(liveTensors()).toBe(before);
});

test("it owns nothing that others make meanwhile", async () => {
  const before = liveTensors();
  const open = openAcrossAwait(wait);
  await Promise.resolve();
  const others = zeros([2]);
  {
    using _scope = new TensorScope(); // Another's scope opens and ends as ever.
    zeros([3]);
  }
  await expect(open).rejects.toThrow(LifetimeError);
  expect(others.shape).toEqual([2]);
  others.dispose();
  expect(liveTensors()).toBe(before);
});

test("one that ends before it is awaited does not, time and again", async () => {
  for (let i = 0; i < 3; i++) {
    {
      using _scope = new TensorScope();
      zeros([1]);
    }
    await wait();
  }
});
