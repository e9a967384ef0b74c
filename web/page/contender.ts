import type { SiteDescription, SiteModel, SiteWeights } from "../../src/serve/playground/description.js";
import type { Device, Fields, RanReply } from "../protocol.js";
import { ModelCard } from "./model-card.js";
import { ModelClient } from "./model-client.js";

export interface Place {
  readonly device: Device;
  readonly threads: number;
  /** Whether its graphics card computes in half precision. */
  readonly hasHalf: boolean;
}

/** A model of the page: its card, and its worker, which is another for other weights or another device. */
export class Contender {
  readonly card: ModelCard;
  readonly #site: SiteDescription;
  readonly #model: SiteModel;
  #client: ModelClient | null = null;
  #isChosen = false;

  constructor(site: SiteDescription, model: SiteModel) {
    this.card = new ModelCard(model);
    this.#site = site;
    this.#model = model;
    this.card.weights.addEventListener("change", () => {
      this.#isChosen = true;
    });
  }

  get role(): SiteModel["role"] {
    return this.#model.role;
  }

  /** Of all its files. */
  get downloadBytes(): number {
    return this.#model.textBytes + this.#weights.bytes;
  }

  /** Everything below it is this model's. */
  get address(): string {
    return new URL(this.#model.address, document.baseURI).href;
  }

  /** Where its weights are. */
  get file(): string {
    return this.address + this.#weights.file;
  }

  /** Opens the model anew; what the one before was asked is never answered. */
  open(place: Place): void {
    this.#client?.close();
    if (!this.#isChosen) this.card.weights.value = suitedDType(this.#model.weights, place);
    const client = this.#start(place);
    this.#client = client;
    client.opened.then(
      (startMs) => this.#isCurrent(client) && this.card.showOpened({ downloadBytes: this.downloadBytes, startMs }),
      (failure: Error) => {
        if (!this.#isCurrent(client)) return;
        this.card.showFailure(failure.message);
      },
    );
  }

  /** Resolves when the model is there; rejects when it cannot be opened. */
  async opened(): Promise<void> {
    await this.#client?.opened;
  }

  async run(fields: Fields): Promise<RanReply> {
    if (this.#client === null) throw new RangeError("a model is opened before it is run");
    return this.#client.run(fields);
  }

  #start({ device, threads }: Place): ModelClient {
    const all = this.downloadBytes;
    const came = new Map<string, number>();
    this.card.showDownload(0, all);
    const client: ModelClient = new ModelClient({
      script: new URL(`${this.#site.assets}worker.js`, document.baseURI),
      address: this.address,
      task: this.#site.kind,
      dtype: this.#weights.dtype,
      device,
      threads,
      onDownload: (file, bytes) => {
        came.set(file, bytes);
        if (this.#isCurrent(client)) this.card.showDownload(sum(came.values()), all);
      },
    });
    return client;
  }

  #isCurrent(client: ModelClient): boolean {
    return client === this.#client;
  }

  get #weights(): SiteWeights {
    const chosen = this.#model.weights.find(({ dtype }) => dtype === this.card.weights.value);
    if (chosen === undefined) throw new RangeError("the page offers the weights that there are");
    return chosen;
  }
}

/** Processors are best at int8, graphics cards at half precision, where they have it. */
function suitedDType(weights: readonly SiteWeights[], { device, hasHalf }: Place): string {
  const wishes = device === "wasm" ? ["int8", "fp32"] : hasHalf ? ["fp16", "fp32"] : ["fp32"];
  const wished = wishes.find((wish) => weights.some(({ dtype }) => dtype === wish));
  return wished ?? weights[0]?.dtype ?? "";
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
