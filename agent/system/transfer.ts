/** So much of the past counts for the rate. */
const WINDOW_MS = 10_000;
const SAMPLE_MS = 200;

/** What a person is told while bytes move: the share, how fast, how long still. */
export class Transfer {
  readonly #samples: { atMs: number; bytes: number }[] = [];

  /**
   * @param nowMs of a clock that only goes on
   * @returns `34 % of 120 MB, 21.3 MB/s, 4 s left`
   */
  text(doneBytes: number, allBytes: number, nowMs = performance.now()): string {
    const samples = this.#samples;
    // What is done can shrink, as where a request is sent again: the rate begins anew.
    if (doneBytes < (samples.at(-1)?.bytes ?? 0)) samples.length = 0;
    if (nowMs - (samples.at(-1)?.atMs ?? 0) >= SAMPLE_MS || samples.length === 0)
      samples.push({ atMs: nowMs, bytes: doneBytes });
    while (samples.length > 2 && nowMs - (samples[1]?.atMs ?? nowMs) >= WINDOW_MS) samples.shift();
    const first = samples[0] ?? { atMs: nowMs, bytes: doneBytes };
    const perMs = (doneBytes - first.bytes) / (nowMs - first.atMs);
    const share = `${allBytes > 0 ? Math.floor((doneBytes / allBytes) * 100) : 100} % of ${megabytes(allBytes)}`;
    if (!(perMs > 0)) return share;
    return `${share}, ${(perMs / 1000).toFixed(1)} MB/s, ${timeText((allBytes - doneBytes) / perMs)} left`;
  }
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;

/** `4 s`, `3 min`, `2 h` */
function timeText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}
