/** Steps that the speed is a mean over. */
const RECENT_LAPS = 20;

/** Time trained so far, and tokens a second over the last steps; evaluations and saves are left out. */
export class Speedometer {
  #elapsedMs: number;
  #startMs = performance.now();
  readonly #laps: { tokens: number; ms: number }[] = [];

  /** @param elapsedMs time trained before, where a run is resumed */
  constructor(elapsedMs: number) {
    this.#elapsedMs = elapsedMs;
  }

  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  get tokensPerSecond(): number {
    const tokens = this.#laps.reduce((sum, lap) => sum + lap.tokens, 0);
    return tokens / (this.#laps.reduce((sum, lap) => sum + lap.ms, 0) / 1000);
  }

  startLap(): void {
    this.#startMs = performance.now();
  }

  endLap(tokens: number): void {
    const ms = performance.now() - this.#startMs;
    this.#laps.push({ tokens, ms });
    if (this.#laps.length > RECENT_LAPS) this.#laps.shift();
    this.#elapsedMs += ms;
  }
}
