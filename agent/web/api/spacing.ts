/** Fewer tell nothing. */
const LEAST = 8;
/** What is missing is known by a distance of so many intervals. */
export const HOLE = 1.5;

/**
 * How far apart a meter's readings usually are: three of four may be missing, and some may come twice as often.
 * @param times in their order, UTC ms
 * @param configuredMs what the configuration says of it; the meter may have been read otherwise then
 */
export function spacingOf(times: readonly number[], configuredMs: number | undefined): number | undefined {
  const distances = new Float64Array(Math.max(0, times.length - 1));
  for (let i = 0; i < distances.length; i++) distances[i] = (times[i + 1] ?? 0) - (times[i] ?? 0);
  distances.sort();
  if (distances.length < LEAST) return configuredMs ?? distances[0];
  return distances[Math.floor(distances.length / 4)];
}
