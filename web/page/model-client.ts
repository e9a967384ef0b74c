import type { FailedReply, Fields, FromWorker, OpenMessage, RanReply, Reply, ToWorker } from "../protocol.js";

/** A model that cannot be opened, or a text that it cannot read. */
export class ModelFailure extends Error {
  /** Whether another text would do. */
  readonly isInput: boolean;

  constructor({ message, isInput }: Omit<FailedReply, "kind">) {
    super(message);
    this.isInput = isInput;
  }
}

export interface ClientOptions extends Omit<OpenMessage, "kind"> {
  /** Of the worker's script. */
  readonly script: URL;
  readonly onDownload: (file: string, bytes: number) => void;
}

/** A model in a worker of its own: the page stays free while it works, and its memory goes with it. */
export class ModelClient {
  readonly #worker: Worker;
  readonly #waiting: ((reply: Reply) => void)[] = [];
  /** What it took to start, in milliseconds, when the files were there. */
  readonly opened: Promise<number>;

  constructor({ script, onDownload, ...open }: ClientOptions) {
    this.#worker = new Worker(script, { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "download") onDownload(data.file, data.bytes);
      else this.#waiting.shift()?.(data);
    });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault(); // It is shown where the answer would be.
      const message = event.message || "the worker's script cannot be loaded";
      for (const settle of this.#waiting.splice(0)) settle({ kind: "failed", message, isInput: false });
    });
    this.opened = this.#ask({ kind: "open", ...open }).then((reply) => {
      if (reply.kind !== "opened") throw new RangeError("the worker has not opened its model");
      return reply.startMs;
    });
    this.opened.catch(() => {}); // Whoever waits for it is told.
  }

  /** @throws ModelFailure when the model cannot read it */
  async run(fields: Fields): Promise<RanReply> {
    await this.opened;
    const reply = await this.#ask({ kind: "run", fields });
    if (reply.kind !== "ran") throw new RangeError("the worker has not run its model");
    return reply;
  }

  /** Ends the worker; what it was asked is never answered. */
  close(): void {
    this.#worker.terminate();
  }

  async #ask(message: ToWorker): Promise<Exclude<Reply, FailedReply>> {
    const reply = await new Promise<Reply>((settle) => {
      this.#waiting.push(settle);
      this.#worker.postMessage(message);
    });
    if (reply.kind === "failed") throw new ModelFailure(reply);
    return reply;
  }
}
