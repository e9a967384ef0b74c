import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { RunError } from "../errors.js";
import type { Tokenizer } from "../text/tokenizer.js";
import type { WorkerAnswer, WorkerSettings, WorkerTask } from "./tokenise-worker.js";
import { CachedEncoder, type EncodedDocuments } from "./word-cache.js";

interface Waiting {
  readonly worker: Worker;
  readonly resolve: (encoded: EncodedDocuments) => void;
  readonly reject: (error: unknown) => void;
}

/** Encodes batches of documents, several at a time. */
export interface Encoder {
  /** Batches that are worth having under way at once. */
  readonly width: number;
  encode(documents: readonly string[]): Promise<EncodedDocuments>;
  close(): Promise<void>;
}

/** An encoder of `workers` threads, or in this thread when `workers` is 0 or the compiled worker is not there. */
export function createEncoder(tokenizer: Tokenizer, settings: WorkerSettings, workers: number): Encoder {
  const script = workerScript();
  if (workers === 0 || script === null) {
    const encoder = new CachedEncoder(tokenizer, settings.bytesPerToken);
    return { width: 1, encode: (documents) => encoder.encode(documents), close: async () => {} };
  }
  return new TokeniserPool(script, settings, workers);
}

/** The compiled worker: beside this file, or, when this is the source, in the folder that is built from it. */
function workerScript(): string | null {
  const beside = fileURLToPath(new URL("./tokenise-worker.js", import.meta.url));
  const built = beside.replace(/([\\/])src([\\/]data[\\/])/, "$1dist$2");
  return [beside, built].find((path) => existsSync(path)) ?? null;
}

class TokeniserPool implements Encoder {
  readonly width: number;
  readonly #workers: Worker[];
  readonly #waiting = new Map<number, Waiting>();
  #tasks = 0;
  #closing = false;

  constructor(script: string, settings: WorkerSettings, count: number) {
    this.width = count * 2; // One being encoded and one on its way, for each worker.
    this.#workers = Array.from({ length: count }, () => this.#start(script, settings));
  }

  encode(documents: readonly string[]): Promise<EncodedDocuments> {
    const task = this.#tasks++;
    return new Promise((resolve, reject) => {
      const worker = this.#workers[task % this.#workers.length];
      if (worker === undefined) throw new RunError("the tokenising workers were closed.");
      this.#waiting.set(task, { worker, resolve, reject });
      worker.postMessage({ task, documents } satisfies WorkerTask);
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #start(script: string, settings: WorkerSettings): Worker {
    const worker = new Worker(script, {
      workerData: settings,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    });
    worker.on("message", (answer: WorkerAnswer) => this.#settle(answer));
    worker.on("error", (cause) => this.#fail(worker, cause));
    worker.on("exit", (status) => this.#fail(worker, `exit status ${status}`));
    return worker;
  }

  #settle(answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.task);
    this.#waiting.delete(answer.task);
    if ("error" in answer) waiting?.reject(answer.error);
    else waiting?.resolve(answer);
  }

  #fail(worker: Worker, cause: unknown): void {
    if (this.#closing) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    for (const [task, waiting] of this.#waiting) {
      if (waiting.worker !== worker) continue;
      this.#waiting.delete(task);
      waiting.reject(
        new RunError(`a tokenising worker ended (${reason}). Run the same command again with fewer workers.`, {
          cause,
        }),
      );
    }
  }
}
