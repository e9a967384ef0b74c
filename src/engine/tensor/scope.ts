import { LifetimeError } from "../../errors.js";
import type { Handle } from "../native.gen.js";
import { native } from "../native.js";

/** Anything a scope can own: a tensor. */
interface Owned {
  readonly handle: Handle;
}

const open: TensorScope[] = [];

/**
 * Owns every tensor made while it is the innermost open scope, and frees them all when it is disposed.
 *
 * Scopes are synchronous: an `await` inside one would let other code make tensors in it.
 *
 * ```ts
 * using scope = new TensorScope();
 * ```
 */
export class TensorScope {
  readonly #owned = new Set<Owned>();

  constructor() {
    open.push(this);
  }

  /** @internal */
  adopt(tensor: Owned): void {
    this.#owned.add(tensor);
  }

  /** Takes a tensor out of this scope: whoever asked now frees it. Returns whether it was here. @internal */
  release(tensor: Owned): boolean {
    return this.#owned.delete(tensor);
  }

  /**
   * Frees what the scope owns; a second time does nothing.
   *
   * @throws LifetimeError when an inner scope is still open.
   */
  [Symbol.dispose](): void {
    if (open.at(-1) !== this) {
      if (!open.includes(this)) return;
      throw new LifetimeError("a tensor scope ended while a scope opened after it is still open");
    }
    open.pop();
    if (this.#owned.size > 0) native.free(Array.from(this.#owned, (tensor) => tensor.handle));
    this.#owned.clear();
  }
}

/** @internal A new tensor goes to the innermost scope; without one its maker disposes it. */
export function adopt(tensor: Owned): void {
  open.at(-1)?.adopt(tensor);
}

/** Takes a tensor out of whichever scope owns it, so that it outlives the scope; its owner must `dispose` it. */
export function keep<T extends Owned>(tensor: T): T {
  for (let i = open.length - 1; i >= 0; i--) if (open[i]?.release(tensor)) break;
  return tensor;
}

/** Tensors alive in this process, exactly. */
export function liveTensors(): number {
  return native.liveTensors();
}

/** Gives the memory of freed tensors, which is kept for others of their sizes, back to the system. */
export function releaseMemory(): void {
  native.releaseMemory();
}

/**
 * Runs `body` in a scope of its own and frees everything it made but the tensors it returns (a tensor, or an array or
 * plain object of them), which go to the scope outside.
 *
 * @throws LifetimeError when `body` returns a promise.
 */
export function tidy<T>(body: () => T): T {
  const outer = open.at(-1);
  using scope = new TensorScope();
  const result = body();
  if (result instanceof Promise)
    throw new LifetimeError("tidy: the function returned a promise; scopes are synchronous");
  for (const tensor of tensorsIn(result)) if (scope.release(tensor)) outer?.adopt(tensor);
  return result;
}

function* tensorsIn(value: unknown): Generator<Owned> {
  if (value === null || typeof value !== "object") return;
  if (isOwned(value)) yield value;
  else if (isPlain(value)) for (const inner of Object.values(value)) yield* tensorsIn(inner);
}

/** Not a typed array, whose every element would be looked at, nor an object that may refer back to itself. */
function isPlain(value: object): boolean {
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

function isOwned(value: object): value is Owned {
  return "handle" in value && typeof value.handle === "number";
}
