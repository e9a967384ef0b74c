import type { Example } from "../../src/serve/playground/description.js";
import type { Fields } from "../protocol.js";
import { one } from "./dom.js";

type TextField = HTMLInputElement | HTMLTextAreaElement;

/** The form: what is asked. */
export class Question {
  readonly #form = one<HTMLFormElement>("#ask");
  readonly #refusal = one("#refusal");

  /** @param onAsk called when the visitor asks, by button, keyboard or example */
  constructor(examples: readonly Example[], onAsk: () => void) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      onAsk();
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
      event.preventDefault();
      onAsk();
    });
    for (const button of this.#form.querySelectorAll<HTMLButtonElement>("[data-example]")) {
      button.addEventListener("click", () => {
        this.#fill(examples[Number(button.dataset.example)]?.fields ?? {});
        onAsk();
      });
    }
    this.#form.querySelector("#insert-mask")?.addEventListener("click", () => this.#insertMask());
  }

  get fields(): Fields {
    return Object.fromEntries(this.#all.map(({ name, value }) => [name, value]));
  }

  /** Says why the models do not read it, at the field that it is about. */
  refuse(message: string): void {
    const [, list = "", index = "0", part = "", why = message] =
      /^(\w+)\[(\d+)\](?:\.(\w+))?: (.*)$/s.exec(message) ?? [];
    const name = part || (list === "texts" && index === "1" ? "pair" : "");
    const field = this.#all.find((each) => each.name === name) ?? this.#all[0];
    this.#refusal.textContent = `${why.slice(0, 1).toUpperCase()}${why.slice(1)}`;
    this.#refusal.hidden = false;
    if (field === undefined) return;
    field.ariaInvalid = "true";
    field.focus();
  }

  /** Takes back what `refuse` said. */
  accept(): void {
    this.#refusal.hidden = true;
    this.#refusal.textContent = "";
    for (const field of this.#all) field.ariaInvalid = null;
  }

  get #all(): readonly TextField[] {
    return [...this.#form.querySelectorAll<TextField>("input, textarea")];
  }

  #fill(fields: Fields): void {
    for (const field of this.#all) field.value = fields[field.name] ?? "";
  }

  /** Puts a mask where the caret is. */
  #insertMask(): void {
    const [field] = this.#all;
    if (field === undefined) return;
    const [from, to] = [field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length];
    field.setRangeText("[MASK]", from, to, "end");
    field.focus();
  }
}
