/** What an axis covers, and the round values it marks. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Decimals that tell the ticks apart. */
  readonly decimals: number;
}

const ROUND_STEPS = [1, 2, 2.5, 5, 10];

/** An axis over all values, from tick to tick, with about `count` of them. */
export function axisOver(values: readonly number[], count: number): Axis {
  const finite = values.filter(Number.isFinite);
  const [least, most] = finite.length === 0 ? [0, 1] : [Math.min(...finite), Math.max(...finite)];
  const size = Math.max(Math.abs(least), Math.abs(most));
  const areEqual = most - least <= Math.max(1e-6 * size, 1e-12); // As good as.
  const margin = areEqual ? Math.max(0.1 * size, 1e-6) : 0;
  const step = roundStep((most - least + 2 * margin) / count);
  const first = Math.floor((least - margin) / step + 1e-9);
  const last = Math.ceil((most + margin) / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { low: first * step, high: last * step, ticks, decimals: decimalsOf(step) };
}

/** Where a value stands on the axis, from 0 to 1. */
export function positionOn({ low, high }: Axis, value: number): number {
  return (value - low) / (high - low);
}

function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * (ROUND_STEPS.find((step) => step * power >= least * (1 - 1e-9)) ?? 10);
}

function decimalsOf(step: number): number {
  for (let decimals = 0; decimals < 8; decimals++) {
    if (Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) < 1e-6) return decimals;
  }
  return 8;
}
