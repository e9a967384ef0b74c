// Numbers as a person reads them, in lines, tables and charts: a true minus sign, and a dash for what is not there.

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

/** `97.1 %` of a share. */
export function percent(share: number, decimals = 1): string {
  return `${fixed(100 * share, decimals)} %`;
}

/** `1,234`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `1 seed`, `5 seeds`. */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `950`, `1.23 M`, `43.2 B`: three digits. */
export function short(value: number): string {
  const units = ["", "k", "M", "B"];
  let unit = 0;
  let scaled = value;
  for (; scaled >= 999.5 && unit < units.length - 1; unit++) scaled /= 1000;
  return unit === 0
    ? String(Math.round(scaled))
    : `${scaled < 999.5 ? scaled.toPrecision(3) : whole(scaled)} ${units[unit]}`;
}

/** `1.5 MB`: decimal units, as disks are sold and `df -H` prints. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `45 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "unknown";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${twoDigits(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${twoDigits(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** `0:45`, `3:20`, `2:05:10`: what fits a line that moves. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const s = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return hours > 0 ? `${hours}:${twoDigits(minutes)}:${twoDigits(s % 60)}` : `${minutes}:${twoDigits(s % 60)}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
