// Numbers as a person reads them.

const UNITS = ["", "k", "M", "B"] as const;

/** `1,234`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `950`, `1.23 M`, `43.2 B`: three digits. */
export function short(value: number): string {
  let unit = 0;
  let scaled = value;
  for (; scaled >= 999.5 && unit < UNITS.length - 1; unit++) scaled /= 1000;
  return unit === 0
    ? String(Math.round(scaled))
    : `${scaled < 999.5 ? scaled.toPrecision(3) : whole(scaled)} ${UNITS[unit]}`;
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

/** `41.3 %` of a share. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
