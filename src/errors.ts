/**
 * Every error Limbeck throws on purpose. `exitStatus` is what the command line exits with: 2 when the user's input is
 * wrong, 1 when a run or the engine failed, 130 when it was asked to stop. The message is one line: what, where, expected, got, and what to do.
 */
export abstract class LimbeckError extends Error {
  abstract readonly exitStatus: 1 | 2 | 130;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An option or a recipe that is wrong, or that cannot apply. */
export class ConfigError extends LimbeckError {
  readonly exitStatus = 2;
}

/** A file or folder that is missing, truncated, foreign or inconsistent. */
export class FormatError extends LimbeckError {
  readonly exitStatus = 2;
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options);
    this.path = path;
  }
}

/** One of several texts that cannot be processed; the others can. */
export class InputError extends LimbeckError {
  readonly exitStatus = 2;
  /** Which of those given, from 0. */
  readonly index: number;

  /** @param where which of them, and what of it: "texts[2]" */
  constructor(where: string, index: number, message: string) {
    super(`${where}: ${message}`);
    this.index = index;
  }
}

/** Tensors whose shapes or dtypes do not fit. */
export class ShapeError extends LimbeckError {
  readonly exitStatus = 1;
}

/** A tensor used after its scope ended, or a scope used against the rules. */
export class LifetimeError extends LimbeckError {
  readonly exitStatus = 1;
}

/** libtorch refused an operation; the message is its own, prefixed by the op. */
export class NativeError extends LimbeckError {
  readonly exitStatus = 1;
}

/** A disk that is full, or a place that cannot be written to. What was there before is still there. */
export class StorageError extends LimbeckError {
  readonly exitStatus = 2;
}

/** A run that cannot go on: a loss that is not finite, a worker that ended. */
export class RunError extends LimbeckError {
  readonly exitStatus = 1;
}

/** Something long that was asked to stop: it has saved, and the message says how to go on. */
export class Interrupted extends LimbeckError {
  readonly exitStatus = 130;
  /** Of a training, the step of the checkpoint that is saved, 0 before the first; else null. */
  readonly step: number | null;

  constructor(message: string, step: number | null = null) {
    super(message);
    this.step = step;
  }
}
