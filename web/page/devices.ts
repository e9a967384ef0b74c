import type { Place } from "./contender.js";
import { one } from "./dom.js";

/** What is used of WebGPU, which not every browser has. */
interface GraphicsCard {
  readonly features: { has(name: string): boolean };
  readonly info?: { readonly isFallbackAdapter?: boolean };
}

interface Graphics {
  requestAdapter(): Promise<GraphicsCard | null>;
}

/** More threads than this gain nothing on sentences. */
const MOST_THREADS = 8;

/** Where models can run: by a choice on the page, which offers what this machine has. */
export class Devices {
  readonly choice = one<HTMLSelectElement>("#device");
  readonly #threads = threadCount();
  readonly #hasHalf: boolean;

  /** Looks what there is; a graphics card is preferred, unless it is one in name only. */
  static async find(): Promise<Devices> {
    const { gpu } = navigator as { readonly gpu?: Graphics };
    const card = await gpu?.requestAdapter().catch(() => null);
    return new Devices(card ?? null);
  }

  private constructor(card: GraphicsCard | null) {
    const threads = this.#threads === 1 ? "1 thread" : `${this.#threads} threads`;
    one("option", this.choice).textContent = `the processor, ${threads}`;
    this.#hasHalf = card?.features.has("shader-f16") ?? false;
    if (card === null) return;
    this.choice.append(new Option("the graphics card (WebGPU)", "webgpu"));
    if (!card.info?.isFallbackAdapter) this.choice.value = "webgpu";
  }

  get place(): Place {
    const device = this.choice.value === "webgpu" ? "webgpu" : "wasm";
    return { device, threads: this.#threads, hasHalf: this.#hasHalf };
  }

  /** A card that refuses a model is offered no more. */
  giveUpCard(): void {
    this.choice.value = "wasm";
    const option = one<HTMLOptionElement>("option[value=webgpu]", this.choice);
    option.disabled = true;
    option.textContent = "the graphics card (cannot run these models)";
  }
}

/** Without shared memory there is one; beyond four, every second is the other half of a core. */
function threadCount(): number {
  if (!crossOriginIsolated) return 1;
  const { hardwareConcurrency } = navigator;
  return hardwareConcurrency <= 4 ? hardwareConcurrency : Math.min(MOST_THREADS, hardwareConcurrency >> 1);
}
