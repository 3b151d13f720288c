export const HOUR_S = 3600;
export const DAY_S = 24 * HOUR_S;

const UNITS = [
  ['d', 'day', DAY_S],
  ['h', 'hour', HOUR_S],
  ['m', 'minute', 60],
  ['s', 'second', 1],
] as const;

const unitOf = (seconds: number) =>
  UNITS.find(([, , length]) => seconds >= length && seconds % length === 0) ?? UNITS[3];

/** As Flux and InfluxQL write it: 28d. */
export function spelled(seconds: number): string {
  const [letter, , length] = unitOf(seconds);
  return `${seconds / length}${letter}`;
}

/** For a person: 28 days. */
export function spelledOut(seconds: number): string {
  const [, word, length] = unitOf(seconds);
  const count = seconds / length;
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
