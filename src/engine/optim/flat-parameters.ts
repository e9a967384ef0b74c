import { ConfigError } from "../../errors.js";
import { initialise, type Module, type ParameterSpec } from "../nn/module.js";
import { zeros } from "../tensor/create.js";
import { keep, tidy } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";

/** Where one parameter lies in the flat buffers, in elements. */
export interface Slice {
  offset: number;
  shape: readonly number[];
}

/** Parameters start on 64-byte lines, as vector loads like them. The gaps stay zero. */
const alignment = 16;

/**
 * Every parameter of a module in one flat f32 buffer, every gradient in another; the module holds views.
 *
 * The buffers have three segments: with weight decay, without, frozen. AdamW, clipping, all-reduce and checkpoints act
 * on whole segments. Making one gives the module's parameters fresh initial values, drawn in the order of registration.
 */
export class FlatParameters {
  readonly slices: ReadonlyMap<string, Slice>;
  /** [size] f32 */
  readonly values: Tensor;
  /** [trainableEnd] f32 */
  readonly gradients: Tensor;
  /** Elements [0, decayEnd) decay; [decayEnd, trainableEnd) do not; the rest are frozen. */
  readonly decayEnd: number;
  readonly trainableEnd: number;

  constructor(module: Module, options: { device?: string; frozen?: (name: string) => boolean } = {}) {
    const device = options.device ?? "cpu";
    const isFrozen = options.frozen ?? (() => false);
    const named = [...module.namedParameters()];
    const segment = (name: string, spec: ParameterSpec) => (isFrozen(name) ? 2 : spec.decay ? 0 : 1);
    const slices = new Map<string, Slice>();
    const ends: number[] = [];
    let end = 0;
    for (const wanted of [0, 1, 2]) {
      for (const [name, { spec }] of named) {
        if (segment(name, spec) !== wanted) continue;
        slices.set(name, { offset: end, shape: spec.shape });
        end += Math.ceil(spec.shape.reduce((product, size) => product * size, 1) / alignment) * alignment;
      }
      ends.push(end);
    }
    const [decayEnd = 0, trainableEnd = 0] = ends;
    this.slices = slices;
    this.decayEnd = decayEnd;
    this.trainableEnd = trainableEnd;
    this.values = keep(zeros([end], { device }));
    this.gradients = keep(zeros([trainableEnd], { device }));
    for (const [name, parameter] of named) {
      const { offset, shape } = this.#slice(name);
      const value = initialise(this.values.alias(offset, shape), parameter.spec);
      parameter.assign(value);
      if (!isFrozen(name)) {
        value.requiresGrad_();
        tidy(() => {
          value.grad = this.gradients.alias(offset, shape);
        });
      }
    }
  }

  #slice(name: string): Slice {
    const slice = this.slices.get(name);
    if (slice === undefined) throw new ConfigError(`no parameter is called ${name}`);
    return slice;
  }

  /** A parameter's part of a flat buffer laid out like this one (values, gradients, or optimizer state), as a view. */
  view(buffer: Tensor, name: string): Tensor {
    const { offset, shape } = this.#slice(name);
    return tidy(() => buffer.detach().alias(offset, shape));
  }

  dispose(): void {
    this.values.dispose();
    this.gradients.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
