import type { GraphBuilder } from "./onnx/graph-builder.js";
import type { AttentionInputs, Operators, QuantisedLinear } from "./operators.js";
import { numberOf } from "./precision.js";

/**
 * ONNX's own operators.
 *
 * Opset 17 is the first with LayerNormalization, and old enough for every runtime since ONNX Runtime 1.12. The steps are
 * those that ONNX Runtime recognises and fuses when it loads a graph.
 */
export class PortableOperators implements Operators {
  readonly opsets: Readonly<Record<string, number>> = { "": 17 };
  readonly #activations: "float32" | "float16";

  constructor(activations: "float32" | "float16") {
    this.#activations = activations;
  }

  residual(graph: GraphBuilder, sides: readonly [string, string], name: string): string {
    return graph.add("Add", sides, { name });
  }

  /** x · (1 + erf(x / √2)) · ½ */
  gelu(graph: GraphBuilder, x: string, name: string): string {
    const number = (of: string, value: number) => graph.scalar(of, this.#activations, value);
    const scaled = graph.add("Div", [x, number("root.two", Math.SQRT2)], { name: `${name}.scaled` });
    const bell = graph.add("Erf", [scaled], { name: `${name}.erf` });
    const raised = graph.add("Add", [bell, number("one", 1)], { name: `${name}.raised` });
    const product = graph.add("Mul", [x, raised], { name: `${name}.product` });
    return graph.add("Mul", [product, number("half", 0.5)], { name });
  }

  /** softmax(q kᵀ + mask) v, head by head. */
  attention(graph: GraphBuilder, { name, query, key, value, mask, heads, hiddenSize }: AttentionInputs): string {
    const split = graph.ints("shape.heads", [0, 0, heads, hiddenSize / heads]);
    const turned = (part: string, label: string, perm: readonly number[]) => {
      const inHeads = graph.add("Reshape", [part, split], { name: `${name}.${label}.heads` });
      return graph.add("Transpose", [inHeads], {
        name: `${name}.${label}.turned`,
        attributes: { perm: { ints: perm } },
      });
    };
    const q = turned(query, "query", [0, 2, 1, 3]); // [B, H, Q, D/H]
    const k = turned(key, "key", [0, 2, 3, 1]); // [B, H, D/H, S]
    const v = turned(value, "value", [0, 2, 1, 3]); // [B, H, S, D/H]
    const scores = graph.add("MatMul", [q, k], { name: `${name}.scores` });
    const masked = graph.add("Add", [scores, mask], { name: `${name}.masked` });
    const shares = graph.add("Softmax", [masked], { name: `${name}.shares`, attributes: { axis: { int: -1 } } });
    const context = graph.add("MatMul", [shares, v], { name: `${name}.context` });
    const perm = { ints: [0, 2, 1, 3] };
    const joined = graph.add("Transpose", [context], { name: `${name}.context.turned`, attributes: { perm } });
    return graph.add("Reshape", [joined, graph.ints("shape.joined", [0, 0, hiddenSize])], { name });
  }

  /** DynamicQuantizeLinear, MatMulInteger, and the product of both scales: no zero point, since weights are symmetric. */
  quantisedLinear(graph: GraphBuilder, x: string, { name, weight, scales, bias }: QuantisedLinear): string {
    const { bytes, scale, zeroPoint } = quantisedInput(graph, x);
    const whole = graph.add("MatMulInteger", [bytes, weight, zeroPoint], { name: `${name}.whole` });
    const floats = graph.add("Cast", [whole], {
      name: `${name}.floats`,
      attributes: { to: { int: numberOf("float32") } },
    });
    const factors = graph.add("Mul", [scale, scales], { name: `${name}.factors` });
    const product = graph.add("Mul", [floats, factors], { name: `${name}.product` });
    return graph.add("Add", [product, bias], { name });
  }
}

/** An input in bytes, once for all products that read it. */
export function quantisedInput(graph: GraphBuilder, x: string): { bytes: string; scale: string; zeroPoint: string } {
  const [bytes, scale, zeroPoint] = [`${x}.bytes`, `${x}.scale`, `${x}.zeroPoint`];
  if (!graph.has(bytes)) {
    graph.addWithOutputs("DynamicQuantizeLinear", [x], { name: `${x}.quantised`, outputs: [bytes, scale, zeroPoint] });
  }
  return { bytes, scale, zeroPoint };
}
