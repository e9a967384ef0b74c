import type { GraphBuilder } from "./onnx/graph-builder.js";
import type { AttentionInputs, QuantisedLinear } from "./operators.js";
import { PortableOperators } from "./portable-operators.js";

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
