import type { SiteModel } from "../../src/serve/playground/description.js";
import type { AnswerView, Bar, BarGroup, Piece } from "./answer-view.js";
import { create, one } from "./dom.js";
import { megabytes, milliseconds } from "./figures.js";

/** One model's place on the page: how far it is, what it answers, what that takes. */
export class ModelCard {
  readonly #section: HTMLElement;
  readonly #answer: HTMLElement;
  readonly #name: string;
  /** Which ONNX file is to be used. */
  readonly weights: HTMLSelectElement;

  constructor({ role, name }: SiteModel) {
    this.#section = one(`#${role}`);
    this.#answer = one(".answer", this.#section);
    this.#name = name;
    this.weights = one<HTMLSelectElement>("[data-choice=weights]", this.#section);
  }

  /** How much has come, of what there is. */
  showDownload(bytes: number, all: number): void {
    const state =
      bytes < all ? `Downloading, ${megabytes(bytes)} of ${megabytes(all)}` : "Starting: the model is being compiled";
    const bar = document.createElement("progress");
    bar.max = all;
    bar.value = bytes;
    bar.ariaLabel = `Download of ${this.#name}`;
    this.#setBusy(true);
    this.#answer.replaceChildren(create("p", "state", state), bar);
  }

  showOpened({ downloadBytes, startMs }: { downloadBytes: number; startMs: number }): void {
    this.#setFigure("download", megabytes(downloadBytes));
    this.#setFigure("opening", `then ${milliseconds(startMs)} to start`);
    for (const name of ["time", "memory"]) this.#setFigure(name, "–");
    for (const name of ["times", "heap"]) this.#setFigure(name, "");
    this.#setBusy(false);
    this.#answer.replaceChildren(create("p", "state", "Ready"));
  }

  /** That the answer shown is to another question. */
  showWorking(): void {
    this.#setBusy(true);
    for (const child of this.#answer.children) child.classList.add("stale");
  }

  showAnswer({ headline, excerpt, groups, note }: AnswerView, { heapBytes }: { heapBytes: number }): void {
    this.#setBusy(false);
    const paragraphs = [
      create("p", "headline", ...pieces(headline)),
      ...(excerpt.length > 0 ? [create("p", "excerpt", ...pieces(excerpt))] : []),
      ...(note === "" ? [] : [create("p", "note", note)]),
    ];
    this.#answer.replaceChildren(...paragraphs, ...groups.flatMap(groupElements));
    this.#setFigure("memory", megabytes(heapBytes));
    this.#setFigure("heap", "WebAssembly heap");
  }

  /** @param runs that `medianMs` is the median of; 0 where only the first has been made */
  showTimes({ firstMs, medianMs, runs }: { firstMs: number; medianMs: number; runs: number }): void {
    this.#setFigure("time", milliseconds(runs === 0 ? firstMs : medianMs));
    this.#setFigure("times", runs === 0 ? "first run" : `median of ${runs}, first ${milliseconds(firstMs)}`);
  }

  /** That the answer shown stays. */
  showIdle(): void {
    this.#setBusy(false);
  }

  showFailure(message: string): void {
    this.#setBusy(false);
    this.#answer.replaceChildren(create("p", "alert", message));
  }

  #setBusy(isBusy: boolean): void {
    this.#section.ariaBusy = String(isBusy);
  }

  #setFigure(name: string, text: string): void {
    one(`[data-figure=${name}]`, this.#section).textContent = text;
  }
}

function pieces(all: readonly Piece[]): Node[] {
  return all.map(({ text, isMarked }) => (isMarked ? create("mark", "", text) : document.createTextNode(text)));
}

function groupElements({ title, bars }: BarGroup): HTMLElement[] {
  const list = create("ul", "bars", ...bars.map(barElement));
  return title === "" ? [list] : [create("h3", "", title), list];
}

function barElement({ label, value, shown, share }: Bar): HTMLElement {
  const exact = document.createElement("data");
  exact.className = "value";
  exact.value = String(value);
  exact.textContent = shown;
  const line = create("li", "", create("span", "label", label), exact);
  if (share === null) return line;
  const filled = create("span", "");
  filled.style.setProperty("--share", String(share));
  const bar = create("div", "bar", filled);
  bar.ariaHidden = "true";
  line.append(bar);
  return line;
}
