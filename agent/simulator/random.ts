/** A seeded stream of numbers in [0, 1): the same seed gives the same stream on every machine (mulberry32). */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A number in [0, 1) that depends on the given integers alone: randomness without state, for functions of time. */
export function hashedRandom(...parts: number[]): number {
  let state = 0x9e3779b9;
  for (const part of parts) state = Math.imul(state ^ (part | 0), 0x85ebca6b) ^ Math.floor(part / 4_294_967_296);
  return seededRandom(state)();
}
