import { LifetimeError } from "../../errors.js";
import type { Handle } from "../native.gen.js";
import { native } from "../native.js";

/** Anything a scope can own: a tensor. */
interface Owned {
  readonly handle: Handle;
}

const open: TensorScope[] = [];
let isWatched = false;

/** Runs once the code that opened a scope has returned or awaits: what is still open then would be given others' tensors. */
function abandonOpen(): void {
  isWatched = false;
  for (const scope of open.splice(0)) scope.abandon();
}

/**
 * Owns every tensor made while it is the innermost open scope, and frees them all when it is disposed.
 *
 * Scopes are synchronous: with an `await` inside one, other code would make tensors in it. Such a scope is given no more
 * tensors, and throws when it is disposed.
 *
 * ```ts
 * using scope = new TensorScope();
 * ```
 */
export class TensorScope {
  readonly #owned = new Set<Owned>();
  #isAbandoned = false;

  constructor() {
    open.push(this);
    if (isWatched) return;
    isWatched = true;
    queueMicrotask(abandonOpen);
  }

  /** @internal */
  abandon(): void {
    this.#isAbandoned = true;
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
   * @throws LifetimeError when an inner scope is still open, or when it was open across an await
   */
  [Symbol.dispose](): void {
    if (open.at(-1) === this) open.pop();
    else if (open.includes(this)) {
      throw new LifetimeError("a tensor scope ended while a scope opened after it is still open");
    }
    if (this.#owned.size > 0) native.free(Array.from(this.#owned, (tensor) => tensor.handle));
    this.#owned.clear();
    if (!this.#isAbandoned) return;
    this.#isAbandoned = false;
    throw new LifetimeError(
      "a tensor scope was open across an await: open one in each synchronous part, and keep() what must outlive it",
    );
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
  const result = refusePromise("tidy", body());
  for (const tensor of tensorsIn(result)) if (scope.release(tensor)) outer?.adopt(tensor);
  return result;
}

/** @internal What is set for the whole process while a function runs must be set back before anything else does. */
export function refusePromise<T>(what: string, result: T): T {
  if (!(result instanceof Promise)) return result;
  throw new LifetimeError(`${what}: the function returned a promise; it must be synchronous`);
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
