import { type ProgressLine, progressLine, type Screen } from '../system/progress-line.ts';
import type { Tally } from './tally.ts';

const PLAIN_MS = 10_000;

/** How far an import is: one line that stays in place on a terminal, else a line now and then. */
export class Progress {
  readonly #screen: Screen;
  readonly #name: string;
  readonly #startMs: number;
  readonly #startRecords: number;
  /** Share of the source that an earlier run had read: it counts neither for the pace nor for the time left. */
  #startShare: number | undefined;
  #shownMs: number;
  readonly #line: ProgressLine;

  /** @param startRecords what an earlier run has read */
  constructor(screen: Screen, name: string, startRecords: number) {
    this.#screen = screen;
    this.#line = progressLine(screen);
    this.#name = name;
    this.#startMs = performance.now();
    this.#shownMs = this.#startMs;
    this.#startRecords = startRecords;
  }

  update(tally: Tally, share: number | undefined): void {
    this.#startShare ??= share;
    const nowMs = performance.now();
    const text = this.text(tally, share, nowMs);
    if (this.#screen.isTTY) this.#line.show(text);
    else if (nowMs - this.#shownMs >= PLAIN_MS) {
      this.#shownMs = nowMs;
      this.#screen.write(`${text}\n`);
    }
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
    this.#line.clear();
  }
}

/** `40 s`, `12 min`, `3.5 h` */
export function durationText(seconds: number): string {
  if (seconds < 99.5) return `${Math.ceil(seconds)} s`;
  return seconds < 5940 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
