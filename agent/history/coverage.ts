/** Which of the parts of a period (at most 60) have readings: bits 0 to 29 in `low`, 30 to 59 in `high`. */
export interface Coverage {
  low: number;
  high: number;
}

const HALF = 30;

export const NOTHING_COVERED: Coverage = { low: 0, high: 0 };

/** The first `parts` of them. */
export function allOf(parts: number): Coverage {
  return { low: ones(Math.min(parts, HALF)), high: ones(Math.max(0, parts - HALF)) };
}

export function onePart(part: number): Coverage {
  return part < HALF ? { low: 1 << part, high: 0 } : { low: 0, high: 1 << (part - HALF) };
}

export function hasPart({ low, high }: Coverage, part: number): boolean {
  return ((part < HALF ? low >> part : high >> (part - HALF)) & 1) === 1;
}

export function union(a: Coverage, b: Coverage): Coverage {
  return { low: a.low | b.low, high: a.high | b.high };
}

/** Has `a` all that `b` has? */
export function covers(a: Coverage, b: Coverage): boolean {
  return (b.low & ~a.low) === 0 && (b.high & ~a.high) === 0;
}

export function sameCoverage(a: Coverage, b: Coverage): boolean {
  return a.low === b.low && a.high === b.high;
}

/** In ascending order. */
export function partsCovered(coverage: Coverage): number[] {
  const parts: number[] = [];
  for (let part = 0; part < 2 * HALF; part++) if (hasPart(coverage, part)) parts.push(part);
  return parts;
}

const ones = (n: number) => (1 << n) - 1;
