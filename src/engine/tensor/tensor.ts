import { ShapeError } from "../../errors.js";
import type { Handle } from "../native.gen.js";
import { native } from "../native.js";
import { bytesPerElement, type DType } from "./dtype.js";
import { adopt, keep } from "./scope.js";

export type Shape = readonly number[];
export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array;

/**
 * An n-dimensional array in libtorch's memory.
 *
 * Methods are PyTorch's ops, with its broadcasting and its errors (NativeError); those that end in `_` work in place. A
 * tensor belongs to the innermost open {@link TensorScope}; one made outside any scope is freed by `dispose`.
 */
export class Tensor {
  readonly handle: Handle;
  #shape: Shape | undefined;

  /** @internal Wraps a handle the addon returned. */
  constructor(handle: Handle) {
    this.handle = handle;
    adopt(this);
  }

  get shape(): Shape {
    this.#shape ??= native.shape(this.handle);
    return this.#shape;
  }

  get dtype(): DType {
    return native.dtype(this.handle);
  }

  /** "cpu", "cuda:0", … */
  get device(): string {
    return native.device(this.handle);
  }

  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /**
   * The sizes, for destructuring: `const [B, S, D] = x.dims(3)`.
   *
   * @throws ShapeError when the tensor has another rank.
   */
  dims(rank: 1): [number];
  dims(rank: 2): [number, number];
  dims(rank: 3): [number, number, number];
  dims(rank: 4): [number, number, number, number];
  dims(rank: number): number[] {
    if (this.shape.length !== rank) throw new ShapeError(`expected ${rank} dimensions, got shape [${this.shape}]`);
    return [...this.shape];
  }

  // Reading back. These wait for the device.

  /** The one element, as a number. */
  item(): number {
    return native.item(this.handle);
  }

  /** Elements in row-major order, little endian, in the tensor's dtype. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.numel * bytesPerElement(this.dtype));
    native.toBytes(this.handle, bytes);
    return bytes;
  }

  /** Elements in row-major order, as f32 (exact for bf16 and f16; f64 is rounded). */
  toFloat32Array(): Float32Array {
    if (this.dtype === "float32") return new Float32Array(this.toBytes().buffer);
    using copy = keep(this.to("float32"));
    return new Float32Array(copy.toBytes().buffer);
  }

  /** Elements in row-major order, as 32-bit integers. */
  toInt32Array(): Int32Array {
    if (this.dtype === "int32") return new Int32Array(this.toBytes().buffer);
    using copy = keep(this.to("int32"));
    return new Int32Array(copy.toBytes().buffer);
  }

  // Life.

  dispose(): void {
    keep(this);
    native.free([this.handle]);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // Gradients.

  get requiresGrad(): boolean {
    return native.requiresGrad(this.handle);
  }

  requiresGrad_(value = true): this {
    native.setRequiresGrad(this.handle, value);
    return this;
  }

  /** The accumulated gradient of a leaf, or null. */
  get grad(): Tensor | null {
    const handle = native.grad(this.handle);
    return handle === null ? null : new Tensor(handle);
  }

  set grad(value: Tensor | null) {
    native.setGrad(this.handle, value === null ? null : value.handle);
  }

  /** Adds d(this)/d(leaf) to every leaf's gradient; for a scalar, or with the gradient of this tensor given. */
  backward(gradient: Tensor | null = null): void {
    native.backward([this.handle], [gradient === null ? null : gradient.handle]);
  }

  detach(): Tensor {
    return new Tensor(native.detach(this.handle));
  }

  // Conversion.

  to(dtype: DType): Tensor {
    return new Tensor(native.toDType(this.handle, dtype));
  }

  toDevice(device: string): Tensor {
    return new Tensor(native.toDevice(this.handle, device));
  }

  clone(): Tensor {
    return new Tensor(native.clone(this.handle));
  }

  /**
   * A leaf that shares memory with this flat buffer, yet is no view of it to autograd.
   *
   * @param offset in elements
   */
  alias(offset: number, shape: Shape): Tensor {
    return new Tensor(native.alias(this.handle, offset, shape));
  }

  // Pointwise.

  add(other: Tensor | number): Tensor {
    return new Tensor(
      typeof other === "number" ? native.addScalar(this.handle, other) : native.add(this.handle, other.handle),
    );
  }

  sub(other: Tensor | number): Tensor {
    return new Tensor(
      typeof other === "number" ? native.addScalar(this.handle, -other) : native.sub(this.handle, other.handle),
    );
  }

  mul(other: Tensor | number): Tensor {
    return new Tensor(
      typeof other === "number" ? native.mulScalar(this.handle, other) : native.mul(this.handle, other.handle),
    );
  }

  div(other: Tensor | number): Tensor {
    return new Tensor(
      typeof other === "number" ? native.divScalar(this.handle, other) : native.div(this.handle, other.handle),
    );
  }

  neg(): Tensor {
    return new Tensor(native.neg(this.handle));
  }

  exp(): Tensor {
    return new Tensor(native.exp(this.handle));
  }

  log(): Tensor {
    return new Tensor(native.log(this.handle));
  }

  rsqrt(): Tensor {
    return new Tensor(native.rsqrt(this.handle));
  }

  tanh(): Tensor {
    return new Tensor(native.tanh(this.handle));
  }

  sigmoid(): Tensor {
    return new Tensor(native.sigmoid(this.handle));
  }

  relu(): Tensor {
    return new Tensor(native.relu(this.handle));
  }

  clampMin(min: number): Tensor {
    return new Tensor(native.clampMin(this.handle, min));
  }

  clamp(min: number, max: number): Tensor {
    return new Tensor(native.clamp(this.handle, min, max));
  }

  /** Elementwise equality, bool. */
  eq(other: Tensor): Tensor {
    return new Tensor(native.eq(this.handle, other.handle));
  }

  isfinite(): Tensor {
    return new Tensor(native.isfinite(this.handle));
  }

  maskedFill(mask: Tensor, value: number): Tensor {
    return new Tensor(native.maskedFill(this.handle, mask.handle, value));
  }

  // Pointwise, in place.

  /** this += alpha · other */
  add_(other: Tensor | number, alpha = 1): this {
    if (typeof other === "number") native.addScalar_(this.handle, other * alpha);
    else native.add_(this.handle, other.handle, alpha);
    return this;
  }

  sub_(other: Tensor): this {
    native.sub_(this.handle, other.handle);
    return this;
  }

  mul_(other: Tensor | number): this {
    if (typeof other === "number") native.mulScalar_(this.handle, other);
    else native.mul_(this.handle, other.handle);
    return this;
  }

  div_(other: Tensor): this {
    native.div_(this.handle, other.handle);
    return this;
  }

  exp_(): this {
    native.exp_(this.handle);
    return this;
  }

  zero_(): this {
    native.zero_(this.handle);
    return this;
  }

  copy_(source: Tensor): this {
    native.copy_(this.handle, source.handle);
    return this;
  }

  normal_(mean: number, std: number): this {
    native.normal_(this.handle, mean, std);
    return this;
  }

  uniform_(from: number, to: number): this {
    native.uniform_(this.handle, from, to);
    return this;
  }

  // Reductions.

  /** Over everything, or over `dims`. */
  sum(dims?: readonly number[], options: { keepDim?: boolean } = {}): Tensor {
    if (dims === undefined) return new Tensor(native.sum(this.handle));
    return new Tensor(native.sumDim(this.handle, dims, options.keepDim ?? false));
  }

  mean(): Tensor {
    return new Tensor(native.mean(this.handle));
  }

  amax(dims: readonly number[], options: { keepDim?: boolean } = {}): Tensor {
    return new Tensor(native.amax(this.handle, dims, options.keepDim ?? false));
  }

  logsumexp(dims: readonly number[], options: { keepDim?: boolean } = {}): Tensor {
    return new Tensor(native.logsumexp(this.handle, dims, options.keepDim ?? false));
  }

  argmax(dim: number): Tensor {
    return new Tensor(native.argmax(this.handle, dim));
  }

  /** The k largest along `dim`: values, indices (int64). */
  topk(k: number, dim = -1): [values: Tensor, indices: Tensor] {
    const [values, indices] = native.topk(this.handle, k, dim);
    return [new Tensor(values), new Tensor(indices)];
  }

  /** The 2-norm of all elements. */
  norm(): Tensor {
    return new Tensor(native.norm(this.handle));
  }

  softmax(dim = -1): Tensor {
    return new Tensor(native.softmax(this.handle, dim));
  }

  logSoftmax(dim = -1): Tensor {
    return new Tensor(native.logSoftmax(this.handle, dim));
  }

  // Products and shapes.

  matmul(other: Tensor): Tensor {
    return new Tensor(native.matmul(this.handle, other.handle));
  }

  view(shape: Shape): Tensor {
    return new Tensor(native.view(this.handle, shape));
  }

  reshape(shape: Shape): Tensor {
    return new Tensor(native.reshape(this.handle, shape));
  }

  transpose(a: number, b: number): Tensor {
    return new Tensor(native.transpose(this.handle, a, b));
  }

  permute(dims: readonly number[]): Tensor {
    return new Tensor(native.permute(this.handle, dims));
  }

  contiguous(): Tensor {
    return new Tensor(native.contiguous(this.handle));
  }

  narrow(dim: number, start: number, length: number): Tensor {
    return new Tensor(native.narrow(this.handle, dim, start, length));
  }

  select(dim: number, index: number): Tensor {
    return new Tensor(native.select(this.handle, dim, index));
  }

  unsqueeze(dim: number): Tensor {
    return new Tensor(native.unsqueeze(this.handle, dim));
  }

  squeeze(dim: number): Tensor {
    return new Tensor(native.squeeze(this.handle, dim));
  }

  expand(shape: Shape): Tensor {
    return new Tensor(native.expand(this.handle, shape));
  }

  unbind(dim = 0): Tensor[] {
    return native.unbind(this.handle, dim).map((handle) => new Tensor(handle));
  }

  indexSelect(dim: number, index: Tensor): Tensor {
    return new Tensor(native.indexSelect(this.handle, dim, index.handle));
  }

  gather(dim: number, index: Tensor): Tensor {
    return new Tensor(native.gather(this.handle, dim, index.handle));
  }
}
