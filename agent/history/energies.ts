import type { PeriodCount } from './counted.ts';
import type { FilledSeries } from './filled.ts';
import type { Period, Resolution } from './periods.ts';

/** What counters of energy have counted in a period, by quantity. */
export interface EnergyPeriod extends Period {
  energies: Record<string, PeriodCount>;
  /** Whether anything was read in it. */
  isRead: boolean;
}

export interface MeterEnergy {
  meter: string;
  periods: EnergyPeriod[];
}

export const NOTHING_COUNTED: Readonly<PeriodCount> = { amount: 0, estimated: 0, breaks: 0 };

/** Roll-ups that a period is made of; where days are not there yet, they are made of hours. */
function rowsOf(resolution: Resolution, daysKnown: boolean): number {
  if (resolution === 'month') return daysKnown ? 31 : 31 * 24;
  return resolution === 'day' && !daysKnown ? 24 : 1;
}

/**
 * Periods in groups that can be counted one after the other: each knows what comes before it and behind.
 * @param mostRows roll-ups of one series that a group is made of
 */
export function* groupsOf(
  periods: readonly Period[],
  resolution: Resolution,
  mostRows: number,
  daysKnown: boolean,
): Generator<readonly Period[]> {
  const size = Math.max(1, Math.floor(mostRows / rowsOf(resolution, daysKnown)));
  for (let i = 0; i < periods.length; i += size) yield periods.slice(i, i + size);
}

/** Adds up the energies of each meter over all periods, group by group. */
export class Energies {
  readonly #all: readonly Period[];
  readonly #meters = new Map<string, EnergyPeriod[]>();
  readonly #names = new Map<string, Set<string>>();

  constructor(all: readonly Period[]) {
    this.#all = all;
  }

  /**
   * A meter that was replaced by one of another model goes on under its name.
   * @param from index of the first of its periods
   * @param counts of each counter, by name, for its periods
   */
  add({ series: { meter }, periods }: FilledSeries, from: number, counts: ReadonlyMap<string, PeriodCount[]>): void {
    let own = this.#meters.get(meter);
    if (!own) {
      own = this.#all.map(({ fromMs, toMs }) => ({ fromMs, toMs, energies: {}, isRead: false }));
      this.#meters.set(meter, own);
    }
    const names = this.#names.get(meter) ?? new Set();
    this.#names.set(meter, names);
    for (const name of counts.keys()) names.add(name);
    for (const [i, { rollup }] of periods.entries()) {
      const sum = own[from + i];
      if (!sum) continue;
      sum.isRead ||= rollup !== undefined;
      for (const [name, own] of counts) sum.energies[name] = added(sum.energies[name], own[i] ?? NOTHING_COUNTED);
    }
  }

  /** By meter; each period has each counter of its meter. */
  result(): MeterEnergy[] {
    for (const [meter, periods] of this.#meters) {
      for (const { energies } of periods) {
        for (const name of this.#names.get(meter) ?? []) energies[name] ??= NOTHING_COUNTED;
      }
    }
    return [...this.#meters]
      .map(([meter, periods]) => ({ meter, periods }))
      .sort((a, b) => (a.meter < b.meter ? -1 : 1));
  }
}

function added(before: PeriodCount | undefined, { amount, estimated, breaks }: PeriodCount): PeriodCount {
  if (amount === 0 && breaks === 0) return before ?? NOTHING_COUNTED;
  if (!before) return { amount, estimated, breaks };
  return {
    amount: before.amount + amount,
    estimated: before.estimated + estimated,
    breaks: before.breaks + breaks,
  };
}
