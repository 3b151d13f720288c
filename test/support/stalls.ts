import { afterTest } from './side-by-side.ts';

const EVERY_MS = 10;

/**
 * Watches whether this process gets its time: where a test's own process has none, the one that it tests has none either,
 * and what that one misses then says nothing about it.
 * @returns whether there was a stall of `leastMs` at a time (UTC ms), or so close to it that it matters
 */
export function watchStalls(leastMs: number): (fromMs: number, toMs: number) => boolean {
  const stalls: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - last > leastMs) stalls.push(Date.now());
    last = now;
  }, EVERY_MS);
  afterTest(() => clearInterval(timer));
  return (fromMs, toMs) => stalls.some((atMs) => atMs > fromMs - 500 && atMs < toMs + 1000);
}
