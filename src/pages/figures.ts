// Numbers as tables and charts write them: a true minus sign, and a dash for what is not there.

export const ABSENT = "—";

/** `−2.96`. */
export function fixed(value: number, decimals: number): string {
  const digits = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(digits) !== 0 ? `−${digits}` : digits;
}

/** `+0.31`, `−2.96`, `0.00`. */
export function signed(value: number, decimals: number): string {
  const text = fixed(value, decimals);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** `±0.31`; empty where a single run says nothing about spread. */
export function plusMinus(deviation: number | null, decimals: number): string {
  return deviation === null ? "" : `±${deviation.toFixed(decimals)}`;
}

/** `97.1 %`. */
export function percentOf(share: number): string {
  return `${fixed(100 * share, 1)} %`;
}

/** `1 seed`, `5 seeds`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
