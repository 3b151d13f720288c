import { setImmediate } from 'node:timers/promises';
import type { History } from '../../history/history.ts';
import type { Period } from '../../history/periods.ts';
import type { QuarterMean } from '../../history/quarter-means.ts';
import { json } from '../http/answer.ts';
import type { Route } from '../http/router.ts';
import { requireMeter } from './known-meters.ts';
import { labelOf } from './label.ts';
import { longest } from './limits.ts';
import { periodsBy } from './periods.ts';
import { rounded } from './round.ts';
import { iso, isPast, spanIn } from './span.ts';
import { withHistory } from './stores.ts';
import { zoneOf } from './zone.ts';

const POWER = 'active_power';
/** 13 months, as a year shows them. */
const MOST_DAYS = 400;

/** A season of quarters. */
const PERIODS_AT_ONCE = { day: 92, month: 3 } as const;

interface Extremes {
  lowest: QuarterMean | undefined;
  highest: QuarterMean | undefined;
}

/** Base load and peak: the lowest and the highest mean power of a quarter of an hour, of each day or month of the zone. */
export const answer: Route['answer'] = async ({ query }, place) => {
  const zone = zoneOf(place);
  const given = query.text('meter');
  const by = query.choice('by', ['day', 'month']) ?? 'day';
  const span = spanIn(query, zone, place.nowMs());
  query.end();
  longest(span, MOST_DAYS);
  const periods = periodsBy(by, span, zone);
  const toMs = periods.at(-1)?.toMs ?? span.toMs;
  const meter = withHistory(place, (history) => requireMeter(history, place, given));
  const extremes: Extremes[] = [];
  for (let at = 0; at < periods.length; at += PERIODS_AT_ONCE[by]) {
    const some = periods.slice(at, at + PERIODS_AT_ONCE[by]);
    extremes.push(...withHistory(place, (history) => extremesOf(history, meter, some, place.nowMs())));
    // A year is 35 000 quarters: what is read at the moment does not wait for all of them.
    await setImmediate();
  }
  const body = {
    meter,
    by,
    timeZone: zone.name,
    periods: periods.map(({ fromMs, toMs }, i) => ({
      label: labelOf(by, fromMs, zone),
      from: iso(fromMs),
      to: iso(toMs),
      baseW: watts(extremes[i]?.lowest),
      peakW: watts(extremes[i]?.highest),
      peakTime: extremes[i]?.highest ? iso(extremes[i].highest.fromMs) : null,
    })),
  };
  return json(body, { isPast: isPast(toMs, place.nowMs()) });
};

const watts = (mean: QuarterMean | undefined) => (mean ? rounded(mean.mean, 1) : null);

/** A quarter that is not over yet tells no mean. */
function extremesOf(history: History, meter: string, periods: readonly Period[], nowMs: number): Extremes[] {
  const extremes: Extremes[] = periods.map(() => ({ lowest: undefined, highest: undefined }));
  const [first, last] = [periods[0], periods.at(-1)];
  if (!first || !last) return extremes;
  let at = 0;
  history.eachMean({ meter, fromMs: first.fromMs, toMs: last.toMs }, POWER, (quarter) => {
    if (quarter.toMs > nowMs) return;
    while (quarter.fromMs < (periods[at]?.fromMs ?? 0)) at--;
    while (quarter.fromMs >= (periods[at]?.toMs ?? Number.POSITIVE_INFINITY)) at++;
    const own = extremes[at];
    if (!own) return;
    if (!own.lowest || quarter.mean < own.lowest.mean) own.lowest = quarter;
    if (!own.highest || quarter.mean > own.highest.mean) own.highest = quarter;
  });
  return extremes;
}
