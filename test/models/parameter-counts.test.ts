import { describe, expect, test } from "vitest";
import { liveTensors } from "../../src/engine/tensor/scope.js";
import { bertBase, bertForMaskedLm, bertModel } from "../../src/families/bert.js";
import { distilBertBase, distilBertForMaskedLm, distilBertModel } from "../../src/families/distilbert.js";

describe("parameters are as many as in the published models", () => {
  test("BertModel", () => {
    expect(bertModel(bertBase).parameterCount()).toBe(109_482_240);
  });

  test("BertForMaskedLM, the tied output layer counted once", () => {
    expect(bertForMaskedLm(bertBase).parameterCount()).toBe(109_514_298);
  });

  test("DistilBertModel", () => {
    expect(distilBertModel(distilBertBase).parameterCount()).toBe(66_362_880);
  });

  test("DistilBertForMaskedLM, the tied output layer counted once", () => {
    expect(distilBertForMaskedLm(distilBertBase).parameterCount()).toBe(66_985_530);
  });

  test("and counting them allocates none", () => {
    const before = liveTensors();
    bertForMaskedLm(bertBase).parameterCount();
    expect(liveTensors()).toBe(before);
  });
});
