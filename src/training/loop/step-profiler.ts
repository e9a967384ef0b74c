import { statSync } from "node:fs";
import { join } from "node:path";
import { beginPhase, closeRecording, endPhase, openRecording, record } from "../../engine/tensor/profile.js";
import { ConfigError } from "../../errors.js";
import type { Run } from "../../runs/run.js";
import { replaceFile } from "../../storage/atomic-files.js";
import { type Profile, STEP_PHASE, summarise } from "./profile-summary.js";
import { traceChunks } from "./trace.js";

const PROFILE_FILE = "profile.json";
/** In the first steps memory is fetched and kernels are chosen. */
const WARM_UP_STEPS = 2;
const RECORDED_STEPS = 5;
/** Of 24 bytes each. A step of 4,000 sequences has about a million. */
const EVENT_LIMIT = 2_000_000;

/** A profile and where it comes from. */
export interface StepProfile extends Profile {
  /** The trace. */
  readonly path: string;
  /** The number of its first step, from 1. */
  readonly firstStep: number;
}

/**
 * Records a few optimizer steps after two of warm-up, or the first ones where there are no more than two, and writes them
 * to profile.json in the run directory. What the steps compute stays the same.
 */
export class StepProfiler implements Disposable {
  readonly path: string;
  readonly #first: number;
  /** One past the last. */
  readonly #end: number;
  #isOpen = false;

  /**
   * @param steps.done before this process
   * @throws ConfigError when the profile could not be written in the end
   */
  constructor(run: Run, { done, total }: { done: number; total: number }) {
    this.path = join(run.directory, PROFILE_FILE);
    this.#first = total - done > WARM_UP_STEPS ? done + WARM_UP_STEPS : done;
    this.#end = Math.min(total, this.#first + RECORDED_STEPS);
    refuseFolder(this.path);
  }

  /** @param step counted from 0 */
  beginStep(step: number): void {
    if (step < this.#first || step >= this.#end) return;
    if (step === this.#first) openRecording({ limit: EVENT_LIMIT });
    this.#isOpen = true;
    record(true);
    beginPhase(STEP_PHASE);
  }

  endStep(): void {
    if (!this.#isOpen) return;
    endPhase();
    record(false);
  }

  /**
   * Writes the profile when the last step that is recorded is done.
   *
   * @param done steps done
   * @returns it then, and null before and after
   * @throws StorageError when the disk is full
   */
  take(done: number): StepProfile | null {
    if (!this.#isOpen || done < this.#end) return null;
    this.#isOpen = false;
    const recording = closeRecording();
    const profile = summarise(recording);
    const firstStep = this.#first + 1;
    replaceFile(this.path, traceChunks(recording.events, { profile, firstStep }));
    return { ...profile, path: this.path, firstStep };
  }

  /** Drops what is recorded of steps that an error or an interruption ended. */
  [Symbol.dispose](): void {
    if (this.#isOpen) closeRecording();
    this.#isOpen = false;
  }
}

function refuseFolder(path: string): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new ConfigError(
    `${path}: expected a place for the profile, got a folder. Move it away, or go on without --profile.`,
  );
}
