import { parentPort, workerData } from "node:worker_threads";
import { loadTokenizer } from "../text/tokenizer.js";
import { CachedEncoder } from "./word-cache.js";

/** What a worker is started with. */
export interface WorkerSettings {
  readonly tokenizerFolder: string;
  readonly bytesPerToken: 2 | 4;
}

/** Documents to encode; the answer carries the same number. */
export interface WorkerTask {
  readonly task: number;
  readonly documents: readonly string[];
}

/** The answer to a task: ids and lengths, or the reason it failed. */
export type WorkerAnswer =
  | { readonly task: number; readonly ids: Uint16Array | Uint32Array; readonly lengths: Uint32Array }
  | { readonly task: number; readonly error: unknown };

const port = parentPort;
if (port !== null) {
  const settings = workerData as WorkerSettings; // Sent by TokeniserPool.
  const encoder = loadTokenizer(settings.tokenizerFolder).then(
    (tokenizer) => new CachedEncoder(tokenizer, settings.bytesPerToken),
  );
  encoder.catch(() => {}); // Told with the answer to the first task.
  port.on("message", async ({ task, documents }: WorkerTask) => {
    try {
      const { ids, lengths } = await (await encoder).encode(documents);
      port.postMessage({ task, ids, lengths } satisfies WorkerAnswer, [ids.buffer, lengths.buffer] as ArrayBuffer[]);
    } catch (error) {
      port.postMessage({ task, error } satisfies WorkerAnswer);
    }
  });
}
