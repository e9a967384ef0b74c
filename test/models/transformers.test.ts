import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nllLoss } from "../../src/engine/tensor/ops.js";
import type { Tensor } from "../../src/engine/tensor/tensor.js";
import type { Encoder } from "../../src/models/encoder.js";
import { MaskedLm } from "../../src/models/masked-lm.js";
import { runTestsInScope } from "../engine/tensor/in-scope.js";
import { relativeError } from "./closeness.js";
import { encoderOf, goldenModel, goldenNames } from "./golden.js";

const TOLERANCE = 1e-5;

/** Cases in training mode, and the dropout that makes them exact. */
const DROPOUT: Record<string, { dropout: number; attentionDropout: number }> = {
  dropHidden: { dropout: 1, attentionDropout: 0 },
  dropAttention: { dropout: 0, attentionDropout: 1 },
};

describe.each(goldenNames)("Python transformers computes the same with %s", (name) => {
  const golden = goldenModel(name);
  afterAll(() => golden[Symbol.dispose]());

  describe.each(golden.cases)("%s", (each) => {
    let model: Encoder | MaskedLm;
    const training = each in DROPOUT;

    beforeAll(() => {
      model = golden.load(DROPOUT[each]);
    });
    afterAll(() => model.dispose());
    runTestsInScope();

    test("hidden states", () => {
      const hidden = encoderOf(model).hiddenStates(golden.input(each), { training });
      expect(hidden).toHaveLength(golden.config.layers + 1);
      for (const [i, states] of hidden.entries()) expectClose(states, `${each}.hidden.${i}`);
    });

    if (golden.hasHead) {
      test("logits", () => {
        expectClose((model as MaskedLm).forward(golden.input(each), { training }), `${each}.logits`);
      });
    }

    if (golden.config.pooler && !golden.hasHead) {
      test("pooler output", () => {
        const encoder = encoderOf(model);
        expectClose(encoder.pool(encoder.forward(golden.input(each), { training })), `${each}.pooled`);
      });
    }

    test("loss", () => {
      expectClose(lossOf(model, each, training), `${each}.loss`);
    });

    if (!training) {
      test("gradients of all parameters", () => {
        lossOf(model, each, training).backward();
        for (const [parameter, { value }] of model.namedParameters()) {
          const gradient = (value.grad as Tensor).toFloat32Array();
          expect(relativeError(gradient, golden.gradient(each, parameter)), parameter).toBeLessThan(TOLERANCE);
          value.grad = null;
        }
      });
    }
  });

  function expectClose(actual: Tensor, what: string): void {
    expect(relativeError(actual.toFloat32Array(), golden.values(what)), what).toBeLessThan(TOLERANCE);
  }

  /** Masked positions' mean cross-entropy; for an encoder without a head, the given weights' sum of what it returns. */
  function lossOf(model: Encoder | MaskedLm, each: string, training: boolean): Tensor {
    const input = golden.input(each);
    if (model instanceof MaskedLm) {
      const labels = golden.tensor(`${each}.labels`).view([-1]);
      const logProbabilities = model.forward(input, { training }).view([-1, model.config.vocabSize]).logSoftmax();
      const masked = labels.toInt32Array().filter((label) => label !== -100).length;
      return nllLoss(logProbabilities, labels).div(masked);
    }
    const hidden = model.forward(input, { training });
    const loss = dot(hidden, golden.tensor(`${each}.lossHidden`));
    return golden.has(`${each}.lossPooled`)
      ? loss.add(dot(model.pool(hidden), golden.tensor(`${each}.lossPooled`)))
      : loss;
  }
});

function dot(a: Tensor, b: Tensor): Tensor {
  return a.mul(b).sum();
}
