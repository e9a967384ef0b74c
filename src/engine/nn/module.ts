import { ConfigError } from "../../errors.js";
import { zeros } from "../tensor/create.js";
import { keep } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";

/** Shape of a parameter and how it starts. */
export interface ParameterSpec {
  shape: readonly number[];
  /** Standard deviation of the normal it is drawn from; a constant where `fill` is given instead. */
  init: { std: number } | { fill: number };
  /** Whether AdamW's weight decay applies: not to biases and norms. */
  decay: boolean;
}

/** A parameter: its place in a module, filled with a tensor by the module itself or by a flat parameter buffer. */
export class Parameter {
  readonly spec: ParameterSpec;
  #value: Tensor | null = null;

  constructor(spec: ParameterSpec) {
    this.spec = spec;
  }

  get value(): Tensor {
    if (this.#value === null) throw new ConfigError("a parameter was used before its module was materialised");
    return this.#value;
  }

  /** Puts `tensor` in this place and frees the one that was there; the parameter owns it from now on. */
  assign(tensor: Tensor): void {
    this.#value?.dispose();
    this.#value = keep(tensor);
  }

  release(): void {
    this.#value?.dispose();
    this.#value = null;
  }
}

/** A part of a model: its parameters and sub-modules, registered by name. */
export abstract class Module {
  readonly #parameters = new Map<string, Parameter>();
  readonly #modules = new Map<string, Module>();

  protected parameter(name: string, spec: ParameterSpec): Parameter {
    const parameter = new Parameter(spec);
    this.#parameters.set(name, parameter);
    return parameter;
  }

  protected module<M extends Module>(name: string, module: M): M {
    this.#modules.set(name, module);
    return module;
  }

  /** Every parameter below this module, by its dotted name, in the order of registration. */
  *namedParameters(prefix = ""): Generator<[name: string, parameter: Parameter]> {
    for (const [name, parameter] of this.#parameters) yield [prefix + name, parameter];
    for (const [name, module] of this.#modules) yield* module.namedParameters(`${prefix}${name}.`);
  }

  parameterCount(): number {
    let count = 0;
    for (const [, { spec }] of this.namedParameters()) count += spec.shape.reduce((product, size) => product * size, 1);
    return count;
  }

  /** Gives every parameter a tensor of its own, drawn from libtorch's generator in the order of registration. */
  materialise(options: { device?: string } = {}): this {
    for (const [, parameter] of this.namedParameters()) {
      parameter.assign(initialise(zeros(parameter.spec.shape, options), parameter.spec));
    }
    return this;
  }

  /** Frees the parameters. */
  dispose(): void {
    for (const [, parameter] of this.namedParameters()) parameter.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Fills a tensor as its spec says. */
export function initialise(tensor: Tensor, spec: ParameterSpec): Tensor {
  if ("std" in spec.init) return tensor.normal_(0, spec.init.std);
  return spec.init.fill === 0 ? tensor.zero_() : tensor.zero_().add_(spec.init.fill);
}
