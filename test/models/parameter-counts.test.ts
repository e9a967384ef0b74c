import { describe, expect, test } from "vitest";
import { liveTensors } from "../../src/engine/tensor/scope.js";
import { bertBase } from "../../src/families/bert.js";
import { distilBertBase } from "../../src/families/distilbert.js";
import { Encoder } from "../../src/models/encoder.js";
import { MaskedLm } from "../../src/models/masked-lm.js";

describe("parameters are as many as in the published models", () => {
  test("BertModel", () => {
    expect(new Encoder(bertBase).parameterCount()).toBe(109_482_240);
  });

  test("BertForMaskedLM, the tied output layer counted once", () => {
    expect(new MaskedLm(bertBase).parameterCount()).toBe(109_514_298);
  });

  test("DistilBertModel", () => {
    expect(new Encoder(distilBertBase).parameterCount()).toBe(66_362_880);
  });

  test("DistilBertForMaskedLM, the tied output layer counted once", () => {
    expect(new MaskedLm(distilBertBase).parameterCount()).toBe(66_985_530);
  });

  test("and counting them allocates none", () => {
    const before = liveTensors();
    new MaskedLm(bertBase).parameterCount();
    expect(liveTensors()).toBe(before);
  });
});
