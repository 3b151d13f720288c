import type { PeriodCount } from '../../history/counted.ts';
import type { EnergyPeriod } from '../../history/energies.ts';
import { HOUR_MS } from '../../history/levels.ts';
import type { Period } from '../../history/periods.ts';
import { quantityInfo } from '../../readings/quantity.ts';
import { json } from '../http/answer.ts';
import type { Route } from '../http/router.ts';
import { requireMeter } from './known-meters.ts';
import { labelOf } from './label.ts';
import { type By, periodsBy } from './periods.ts';
import { rounded } from './round.ts';
import { iso, isPast, spanIn } from './span.ts';
import { withHistory } from './stores.ts';
import { zoneOf } from './zone.ts';

const BY = ['hour', 'day', 'month', 'year'] as const satisfies By[];
/** Finer than any meter counts. */
const DECIMALS = 4;

type Counts = Record<string, PeriodCount>;

/** What a meter's counters have counted by hours, days, months or years of the zone. */
export const answer: Route['answer'] = ({ query }, place) => {
  const zone = zoneOf(place);
  const given = query.text('meter');
  const by = query.choice('by', BY) ?? 'day';
  const span = spanIn(query, zone, place.nowMs());
  query.end();
  const periods = periodsBy(by, span, zone);
  const whole = { fromMs: periods[0]?.fromMs ?? span.fromMs, toMs: periods.at(-1)?.toMs ?? span.toMs };
  const { meter, counted } = withHistory(place, (history) => {
    const name = requireMeter(history, place, given);
    const [own] = history.energy({ ...whole, meter: name }, by === 'year' ? 'month' : by);
    return { meter: name, counted: own?.periods ?? [] };
  });
  const total: Counts = {};
  for (const { energies } of counted) addTo(total, energies);
  const body = {
    meter,
    by,
    timeZone: zone.name,
    from: iso(whole.fromMs),
    to: iso(whole.toMs),
    periods: inPeriods(periods, counted, Object.keys(total)).map(({ fromMs, toMs, isRead, energies }) => ({
      label: labelOf(by, fromMs, zone),
      from: iso(fromMs),
      to: iso(toMs),
      hours: rounded((toMs - fromMs) / HOUR_MS, DECIMALS),
      isRead,
      energies: shown(energies),
    })),
    total: shown(total),
  };
  return json(body, { isPast: isPast(whole.toMs, place.nowMs()) });
};

/** Each period that was asked for, also before the first reading; years of their months. */
function inPeriods(periods: readonly Period[], counted: readonly EnergyPeriod[], names: string[]): EnergyPeriod[] {
  let at = 0;
  return periods.map(({ fromMs, toMs }) => {
    const energies: Counts = {};
    let isRead = false;
    for (const name of names) energies[name] = { amount: 0, estimated: 0, breaks: 0 };
    for (let part = counted[at]; part && part.fromMs < toMs; part = counted[++at]) {
      isRead ||= part.isRead;
      addTo(energies, part.energies);
    }
    return { fromMs, toMs, isRead, energies };
  });
}

function addTo(sums: Counts, counts: Readonly<Counts>): void {
  for (const [name, { amount, estimated, breaks }] of Object.entries(counts)) {
    const sum = sums[name] ?? { amount: 0, estimated: 0, breaks: 0 };
    sums[name] = {
      amount: sum.amount + amount,
      estimated: sum.estimated + estimated,
      breaks: sum.breaks + breaks,
    };
  }
}

function shown(counts: Readonly<Counts>) {
  const entries = Object.entries(counts).map(([name, { amount, estimated, breaks }]) => [
    name,
    {
      amount: rounded(amount, DECIMALS),
      unit: quantityInfo(name)?.unit ?? '',
      estimated: rounded(estimated, DECIMALS),
      breaks,
    },
  ]);
  return Object.fromEntries(entries) as Record<string, object>;
}
