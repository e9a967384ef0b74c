/** Counts a text in Unicode code points, as Python does, where JavaScript counts UTF-16 units. */
export class CodePoints {
  readonly #text: string;
  /** Whether every code point is one unit: then the two counts agree. */
  readonly #isPlain: boolean;

  constructor(text: string) {
    this.#text = text;
    this.#isPlain = !/[\ud800-\udbff][\udc00-\udfff]/.test(text);
  }

  /** Where a code point begins in UTF-16 units; beyond the text for one that is not there. */
  unitAt(codePoint: number): number {
    if (this.#isPlain) return codePoint;
    let unit = 0;
    for (let i = 0; i < codePoint; i++) unit += (this.#text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
    return unit;
  }
}
