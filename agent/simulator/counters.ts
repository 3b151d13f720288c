import type { MeterModel } from '../meters/model.ts';
import { quantityInfo } from '../readings/quantity.ts';
import type { LoadState } from './load.ts';
import { shareOf } from './measured.ts';

const HOUR_MS = 3_600_000;

/** Factory switch-over points of the WE-515: from 07:00 tariff 2, from 22:00 tariff 3. */
export function tariffAt(timeMs: number): 1 | 2 | 3 | 4 {
  const hour = new Date(timeMs).getHours();
  return hour >= 7 && hour < 22 ? 2 : 3;
}

/** Counters of a model by quantity: kWh and kvarh, unrounded. */
export type Counters = Record<string, number>;

/** `active_energy_import_t2` taken apart. */
const NAME = /^(active|reactive)_energy(?:_(import|export))?(?:_(?:t([1-4])|l[1-3]))?$/;

const namesOf = (model: MeterModel): string[] =>
  model.fields.map(({ quantity }) => quantity).filter((name) => quantityInfo(name)?.kind === 'counter');

/** What a load adds to a counter while it lasts. */
function increment(name: string, { activeW, reactiveVar }: LoadState, timeMs: number, forMs: number): number {
  const [, kind, direction, tariff] = NAME.exec(name) ?? [];
  if (tariff !== undefined && Number(tariff) !== tariffAt(timeMs)) return 0;
  const power = kind === 'active' ? activeW : reactiveVar;
  const imported = Math.max(power, 0);
  const exported = Math.max(-power, 0);
  // A meter that counts one way counts what is drawn, and reactive energy of either sign.
  const counted =
    direction === 'export' ? exported : direction === 'import' || kind === 'active' ? imported : Math.abs(power);
  return (counted * shareOf(name) * forMs) / HOUR_MS / 1000;
}

export function count(counters: Counters, model: MeterModel, load: LoadState, timeMs: number, forMs: number): void {
  for (const name of namesOf(model)) counters[name] = (counters[name] ?? 0) + increment(name, load, timeMs, forMs);
}

/** What a meter shows that has been in use for some years: in all, and in tariffs 2 and 3. */
const IN_USE: Readonly<Record<string, { all: number; t2: number; t3: number }>> = {
  active: { all: 4231.4, t2: 2890.1, t3: 1341.3 },
  active_export: { all: 1120.7, t2: 1106.2, t3: 14.5 },
  reactive: { all: 812.6, t2: 561.2, t3: 251.4 },
  reactive_export: { all: 64.9, t2: 41.3, t3: 23.6 },
};

export function initialCounters(model: MeterModel): Counters {
  const start = (name: string): number => {
    const [, kind = '', direction, tariff] = NAME.exec(name) ?? [];
    const counted = IN_USE[direction === 'export' ? `${kind}_export` : kind];
    if (tariff === '1' || tariff === '4') return 0;
    const whole = tariff === undefined ? counted?.all : counted?.[tariff === '2' ? 't2' : 't3'];
    return (whole ?? 0) * shareOf(name);
  };
  return Object.fromEntries(namesOf(model).map((name) => [name, start(name)]));
}
