import type { Tally } from './tally.ts';

const LINE_MS = 500;
const PLAIN_MS = 10_000;

/** Where progress is shown. */
export interface Screen {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** How far an import is: one line that stays in place on a terminal, else a line now and then. */
export class Progress {
  readonly #screen: Screen;
  readonly #name: string;
  readonly #startMs: number;
  readonly #startRecords: number;
  /** Share of the source that an earlier run had read: it counts neither for the pace nor for the time left. */
  #startShare: number | undefined;
  #shownMs: number;
  #liveShown = false;

  /** @param startRecords what an earlier run has read */
  constructor(screen: Screen, name: string, startRecords: number) {
    this.#screen = screen;
    this.#name = name;
    this.#startMs = performance.now();
    this.#shownMs = this.#startMs;
    this.#startRecords = startRecords;
  }

  update(tally: Tally, share: number | undefined): void {
    this.#startShare ??= share;
    const nowMs = performance.now();
    const live = this.#screen.isTTY === true;
    if (nowMs - this.#shownMs < (live ? LINE_MS : PLAIN_MS)) return;
    this.#shownMs = nowMs;
    const text = this.text(tally, share, nowMs);
    if (live) this.#screen.write(`\r\u001b[K${text.slice(0, (this.#screen.columns || 80) - 1)}`);
    else this.#screen.write(`${text}\n`);
    this.#liveShown = live;
  }

  /** `history.lp: 43 %, 120000 records, 25000 a second, 2 min left` */
  text(tally: Tally, share: number | undefined, nowMs: number): string {
    const seconds = (nowMs - this.#startMs) / 1000;
    const rate = (tally.records - this.#startRecords) / seconds;
    const parts = [`${tally.records} records`, `${Math.round(rate)} a second`];
    if (share !== undefined) {
      parts.unshift(`${Math.floor(share * 100)} %`);
      const done = share - (this.#startShare ?? 0);
      if (done > 0) parts.push(`${durationText((seconds * (1 - share)) / done)} left`);
    }
    return `${this.#name}: ${parts.join(', ')}`;
  }

  /** A message between; the live line comes again. */
  say(text: string): void {
    this.end();
    this.#screen.write(`${text}\n`);
  }

  end(): void {
    if (this.#liveShown) this.#screen.write('\r\u001b[K');
    this.#liveShown = false;
  }
}

/** `40 s`, `12 min`, `3.5 h` */
export function durationText(seconds: number): string {
  if (seconds < 99.5) return `${Math.ceil(seconds)} s`;
  return seconds < 5940 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
