import { InputError } from "../../src/errors.js";
import { openModel } from "../../src/infer/browser.js";
import type { Model } from "../../src/infer/model.js";
import type { Kind } from "../../src/kinds/kinds.js";
import type { FromWorker, OpenedReply, OpenMessage, RanReply, RunMessage, ToWorker } from "../protocol.js";
import { heapBytes, noteHeaps } from "./heap.js";
import { outputOf } from "./pipelines.js";
import { loadRuntime } from "./runtime.js";

// One model: runs go one after another, and all of its memory is given back when the worker ends.

interface Opened {
  readonly model: Model;
  readonly task: Kind;
}

let opening: Promise<Opened> | null = null;
let queue: Promise<void> = Promise.resolve();

noteHeaps();
addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  queue = queue.then(async () => tell(await replyTo(data).catch(failure)));
});

function tell(message: FromWorker): void {
  postMessage(message);
}

async function replyTo(message: ToWorker): Promise<FromWorker> {
  return message.kind === "open" ? open(message) : run(message);
}

async function open({ address, task, dtype, device, threads }: OpenMessage): Promise<OpenedReply> {
  let lastByteMs = performance.now();
  const onDownload = (file: string, bytes: number) => {
    lastByteMs = performance.now();
    tell({ kind: "download", file, bytes });
  };
  opening = loadRuntime(device, { threads })
    .then((loaded) => openModel(address, { dtype, onDownload, ...loaded }))
    .then((model) => ({ model, task }));
  await opening;
  return { kind: "opened", startMs: performance.now() - lastByteMs };
}

async function run({ fields }: RunMessage): Promise<RanReply> {
  if (opening === null) throw new RangeError("a model is opened before it is run");
  const { model, task } = await opening;
  const startMs = performance.now();
  const output = await outputOf(model, task, fields);
  return { kind: "ran", output, elapsedMs: performance.now() - startMs, heapBytes: heapBytes() };
}

function failure(error: unknown): FromWorker {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "failed", message, isInput: error instanceof InputError };
}
