/** Series of one journal, at most; ids are 1 to SERIES_SLOTS - 1. */
export const SERIES_SLOTS = 1024;

/** Time and series of a reading as one number; exact until the year 2248 (2^53). */
export function readingKey(timeMs: number, series: number): number {
  return timeMs * SERIES_SLOTS + series;
}

export function timeOfKey(key: number): number {
  return Math.floor(key / SERIES_SLOTS);
}

export function seriesOfKey(key: number): number {
  return key % SERIES_SLOTS;
}

/** The least key of a time: `key >= firstKeyAt(from) AND key < firstKeyAt(to)` is a range of time, over all series. */
export function firstKeyAt(timeMs: number): number {
  // Times beyond the range of keys, such as Number.MAX_SAFE_INTEGER for "for ever", mean its end.
  return Math.max(0, Math.min(Math.ceil(timeMs) * SERIES_SLOTS, Number.MAX_SAFE_INTEGER));
}
