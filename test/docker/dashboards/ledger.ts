import type { Values } from '../../../agent/readings/reading.ts';
import type { Window } from './window.ts';

const QUARTER_MS = 15 * 60_000;

/** What was read in a quarter of an hour: of a window that has at least one reading. */
interface Read {
  count: number;
  meanW: number;
  mostW: number;
  meanV: number;
}

/** What a home has truly used, by quarters of an hour, whether it was read or not. Days are those of process.env.TZ. */
export class Ledger {
  readonly #wh = new Map<number, number>();
  readonly #tariffWh = new Map<number, number[]>();
  readonly quarters = new Map<number, Read>();
  /** What was read in each minute, of the days that have roll-ups of minutes. */
  readonly minutes = new Map<number, Window>();
  /** kWh of the quarter of an hour in which the register was reset, until then: nobody has read them. */
  unreadAtReset = 0;
  latest: { timeMs: number; values: Values } | undefined;

  use(timeMs: number, wh: number, tariff: number): void {
    const quarter = timeMs - (timeMs % QUARTER_MS);
    this.#wh.set(quarter, (this.#wh.get(quarter) ?? 0) + wh);
    const day = startOfDay(timeMs);
    const tariffs = this.#tariffWh.get(day) ?? [0, 0, 0, 0, 0];
    tariffs[tariff] = (tariffs[tariff] ?? 0) + wh;
    this.#tariffWh.set(day, tariffs);
  }

  read(quarterMs: number, window: Window): void {
    this.quarters.set(quarterMs, {
      count: window.count,
      meanW: window.mean('active_power'),
      mostW: window.most('active_power'),
      meanV: window.mean('voltage'),
    });
  }

  /** kWh between two times that are quarters of an hour. */
  kwh(fromMs: number, toMs: number): number {
    let wh = 0;
    for (let at = fromMs; at < toMs; at += QUARTER_MS) wh += this.#wh.get(at) ?? 0;
    return wh / 1000;
  }

  /** kWh of tariff 1 to 4 in whole local days. */
  tariffKwh(fromMs: number, toMs: number): number[] {
    const sums = [0, 0, 0, 0, 0];
    for (const [day, tariffs] of this.#tariffWh) {
      if (day < fromMs || day >= toMs) continue;
      tariffs.forEach((wh, tariff) => {
        sums[tariff] = (sums[tariff] ?? 0) + wh / 1000;
      });
    }
    return sums.slice(1);
  }
}

let known = { fromMs: 0, toMs: 0 };

/** Local midnight before a time; asked in the order of time. */
export function startOfDay(timeMs: number): number {
  if (timeMs < known.fromMs || timeMs >= known.toMs) {
    const date = new Date(timeMs);
    const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
    known = { fromMs: new Date(year, month, day).getTime(), toMs: new Date(year, month, day + 1).getTime() };
  }
  return known.fromMs;
}

export const startOfMonth = (timeMs: number, later = 0): number => {
  const date = new Date(timeMs);
  return new Date(date.getFullYear(), date.getMonth() + later).getTime();
};

/** Local midnight so many days later. */
export const dayAfter = (timeMs: number, days: number): number => {
  const date = new Date(timeMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
};
