import { type Gap, METER_MEASUREMENT } from '../../readings/reading.ts';
import { json } from '../http/answer.ts';
import type { Route } from '../http/router.ts';
import { requireMeter } from './known-meters.ts';
import { longest } from './limits.ts';
import { iso, isPast, spanIn } from './span.ts';
import { withHistory, withJournal } from './stores.ts';
import { zoneOf } from './zone.ts';

const MOST_GAPS = 1000;
/** Of a meter that nobody knows the interval of. */
const DEFAULT_INTERVAL_MS = 1000;

/** Where a meter was not read, and why; newest first. */
export const answer: Route['answer'] = ({ query }, place) => {
  const given = query.text('meter');
  const span = spanIn(query, zoneOf(place), place.nowMs());
  query.end();
  longest(span, 400);
  const meter = withHistory(place, (history) => requireMeter(history, place, given));
  const intervalMs = place.meters.find(({ name }) => name === meter)?.intervalMs ?? DEFAULT_INTERVAL_MS;
  const found = withJournal(place, (reader) => reader.gaps({ ...span, meter }))
    .filter(({ series }) => series.measurement === METER_MEASUREMENT)
    .sort((a, b) => b.fromMs - a.fromMs);
  const missing = found.reduce((sum, gap) => sum + pointsIn(gap, span, intervalMs), 0);
  const body = {
    meter,
    from: iso(span.fromMs),
    to: iso(span.toMs),
    gaps: found.slice(0, MOST_GAPS).map((gap) => shown(gap, intervalMs)),
    missing,
    truncated: found.length > MOST_GAPS,
  };
  return json(body, { isPast: isPast(span.toMs, place.nowMs()) });
};

/** Both ends in the journal are points that are missing; here the end is the next one. */
const shown = ({ fromMs, toMs, cause }: Gap, intervalMs: number) => ({
  from: iso(fromMs),
  to: iso(toMs + intervalMs),
  seconds: (toMs + intervalMs - fromMs) / 1000,
  cause,
});

/** Points of the grid that lie in both. */
function pointsIn(gap: Gap, { fromMs, toMs }: { fromMs: number; toMs: number }, intervalMs: number): number {
  const before = Math.max(0, Math.ceil((fromMs - gap.fromMs) / intervalMs));
  const lastMs = Math.min(gap.toMs, toMs - 1);
  return Math.max(0, Math.floor((lastMs - gap.fromMs) / intervalMs) - before + 1);
}
