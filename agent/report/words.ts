const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** `42 s`, `5 min`, `3 h`, `12 days`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 2 * MINUTE_S) return `${seconds} s`;
  if (seconds < 2 * HOUR_S) return `${Math.round(seconds / MINUTE_S)} min`;
  if (seconds < 2 * DAY_S) return `${Math.round(seconds / HOUR_S)} h`;
  return `${Math.round(seconds / DAY_S)} days`;
}

/** `0.4 MB`, `12 GB`. */
export function size(bytes: number): string {
  const [value, unit] = bytes < 1e9 ? [bytes / 1e6, 'MB'] : [bytes / 1e9, 'GB'];
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

/** `3 days` of a whole number, `1 day`. */
export const many = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Of a part that is small: `0 %`, `0.03 %`, `12 %`. */
export function percent(part: number): string {
  const value = part * 100;
  return `${value === 0 || value >= 9.95 ? Math.round(value) : value.toPrecision(2)} %`;
}
