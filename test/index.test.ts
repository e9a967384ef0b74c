import { expect, test } from "vitest";
import * as limbeck from "../src/index.js";

test("the library has what the commands are made of", () => {
  const { prepare, trainWordPiece, loadTokenizer, pretrain, distill, loadMaskedLm } = limbeck;
  for (const made of [prepare, trainWordPiece, loadTokenizer, pretrain, distill, loadMaskedLm]) {
    expect(made).toBeTypeOf("function");
  }
  expect(limbeck.distillRecipeNamed("nano", { steps: 7 })).toMatchObject({ kind: "distill", steps: 7 });
  expect(limbeck.pretrainRecipeNamed("tiny-teacher")).toMatchObject({ kind: "pretrain", layers: 12 });
});

test("tensors work through it", () => {
  const before = limbeck.liveTensors();
  const sum = limbeck.tidy(() =>
    limbeck
      .tensor([
        [1, 2],
        [3, 4],
      ])
      .sum()
      .item(),
  );
  expect(sum).toBe(10);
  expect(limbeck.liveTensors()).toBe(before);
});

test("every error it throws on purpose is a LimbeckError", () => {
  expect(() => limbeck.openDataset("nowhere")).toThrow(limbeck.LimbeckError);
  expect(() => limbeck.distillRecipeNamed("nanno")).toThrow(limbeck.ConfigError);
});
