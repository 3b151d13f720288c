const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Resolves at the first SIGINT or SIGTERM, or after the duration; a second signal ends the process at once. */
export function stopRequested(durationMs?: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = durationMs === undefined ? undefined : setTimeout(resolve, Math.min(durationMs, LONGEST_TIMER_MS));
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
}
