import type { GraphBuilder } from "./onnx/graph-builder.js";
import { numberOf } from "./precision.js";

/** A linear layer's constants, by their names. */
interface QuantisedLinear {
  readonly name: string;
  /** int8 [inputs, outputs] */
  readonly weight: string;
  /** float32 [outputs] */
  readonly scales: string;
  /** float32 [outputs] */
  readonly bias: string;
}

/** Queries, keys and values, by their names; queries hold 1 / √(D / H) already. */
interface AttentionInputs {
  readonly name: string;
  /** [B, Q, D] */
  readonly query: string;
  /** [B, S, D] */
  readonly key: string;
  /** [B, S, D] */
  readonly value: string;
  /** [B, 1, 1, S], added to the scores. */
  readonly mask: string;
  /** Whose queries: Q is S, or 1. */
  readonly queries: "all" | "first";
  readonly heads: number;
  readonly hiddenSize: number;
}

/** The steps of an encoder that ONNX's own operators and ONNX Runtime's write differently. */
export interface Operators {
  /** Operator sets that graphs of these need, by domain. */
  readonly opsets: Readonly<Record<string, number>>;

  /** What a norm reads: x and what a sublayer made of it. */
  residual(graph: GraphBuilder, sides: readonly [string, string], name: string): string;

  /** x · Φ(x) */
  gelu(graph: GraphBuilder, x: string, name: string): string;

  /** -> [B, Q, D] */
  attention(graph: GraphBuilder, inputs: AttentionInputs): string;

  /** [..., inputs] -> [..., outputs], with the inputs rounded to bytes. */
  quantisedLinear(graph: GraphBuilder, x: string, linear: QuantisedLinear): string;
}

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
function quantisedInput(graph: GraphBuilder, x: string): { bytes: string; scale: string; zeroPoint: string } {
  const [bytes, scale, zeroPoint] = [`${x}.bytes`, `${x}.scale`, `${x}.zeroPoint`];
  if (!graph.has(bytes)) {
    graph.addWithOutputs("DynamicQuantizeLinear", [x], { name: `${x}.quantised`, outputs: [bytes, scale, zeroPoint] });
  }
  return { bytes, scale, zeroPoint };
}

/** ONNX Runtime's own operators. */
const DOMAIN = "com.microsoft";

/** A mask with a row for every query, of which all are the same. */
const SQUARE_MASK = "mask.square";

/**
 * Operators of ONNX Runtime where they are faster on its CPU, and ways around its fusions where those are slower:
 * docs/design/0004-export.md has the measurements.
 */
export class OrtOperators extends PortableOperators {
  override readonly opsets = { ...new PortableOperators("float32").opsets, [DOMAIN]: 1 };

  constructor() {
    super("float32");
  }

  /** Sum, not Add: Add and LayerNormalization would become SkipLayerNormalization, which takes seven times as long. */
  override residual(graph: GraphBuilder, sides: readonly [string, string], name: string): string {
    return graph.add("Sum", sides, { name });
  }

  /** By tanh, which differs by 5e-4 at most: the bytes that it is rounded to next are ten times coarser. */
  override gelu(graph: GraphBuilder, x: string, name: string): string {
    return graph.add("FastGelu", [x], { name, domain: DOMAIN });
  }

  override attention(graph: GraphBuilder, inputs: AttentionInputs): string {
    const { name, query, key, value, queries, heads } = inputs;
    const mask = queries === "first" ? inputs.mask : squareMask(graph, inputs);
    return graph.add("MultiHeadAttention", [query, key, value, "", "", mask], {
      name,
      domain: DOMAIN,
      attributes: { num_heads: { int: heads }, scale: { float: 1 } }, // The queries hold 1 / √(D / H) already.
    });
  }

  override quantisedLinear(graph: GraphBuilder, x: string, { name, weight, scales, bias }: QuantisedLinear): string {
    return graph.add("DynamicQuantizeMatMul", [x, weight, scales, "", bias], { name, domain: DOMAIN });
  }
}

/** [B, 1, 1, S] -> [B, 1, S, S], once for all layers. */
function squareMask(graph: GraphBuilder, { mask, key }: AttentionInputs): string {
  if (graph.has(SQUARE_MASK)) return SQUARE_MASK;
  const length = graph.add("Shape", [key], {
    name: "mask.length",
    attributes: { start: { int: 1 }, end: { int: 2 } },
  });
  const one = graph.ints("index.1", [1]);
  const shape = graph.add("Concat", [one, one, length, length], {
    name: "mask.square.shape",
    attributes: { axis: { int: 0 } },
  });
  return graph.add("Expand", [mask, shape], { name: SQUARE_MASK });
}
