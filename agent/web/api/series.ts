import type { History } from '../../history/history.ts';
import { floorTo, HOUR_MS, LEVEL_MS, MINUTE_MS } from '../../history/levels.ts';
import { type Period, RESOLUTIONS, resolutionFor } from '../../history/periods.ts';
import { quantityInfo } from '../../readings/quantity.ts';
import { json } from '../http/answer.ts';
import { badParameter } from '../http/problem.ts';
import type { Query } from '../http/query.ts';
import type { Route } from '../http/router.ts';
import { requireMeter } from './known-meters.ts';
import { endOf } from './periods.ts';
import { rawColumns } from './raw-columns.ts';
import { rawSteps } from './raw-steps.ts';
import { holesIn, rollupSteps } from './rollup-steps.ts';
import { iso, isPast, spanIn } from './span.ts';
import { type Table, tableOf } from './steps.ts';
import { withHistory } from './stores.ts';
import { zoneOf } from './zone.ts';

const MOST_QUANTITIES = 8;
const LEAST_POINTS = 10;
const MOST_POINTS = 5000;
const DEFAULT_POINTS = 1000;
/** Of all quantities together: 200 kB of numbers. */
const MOST_CELLS = 10_000;
/** Readings of a second for this long are as much as is read for one answer. */
const LONGEST_RAW_MS = 6 * HOUR_MS;
const SECOND = 'second';
const CHOICES = [SECOND, ...RESOLUTIONS] as const;
type Choice = (typeof CHOICES)[number];

interface Asked extends Period {
  meter: string;
  names: string[];
  points: number;
  intervalMs: number | undefined;
}

interface Drawn {
  resolution: Choice;
  stepMs: number | null;
  table: Table;
}

/** Quantities of a meter over time, with what was least and greatest in each step. */
export const answer: Route['answer'] = ({ query }, place) => {
  const zone = zoneOf(place);
  const given = query.text('meter');
  const names = quantitiesIn(query);
  const span = spanIn(query, zone, place.nowMs());
  const mostPoints = Math.min(MOST_POINTS, MOST_CELLS / names.length);
  const points = query.wholeNumber('points', LEAST_POINTS, MOST_POINTS) ?? DEFAULT_POINTS;
  const choice = query.choice('resolution', CHOICES);
  query.end();
  if (choice !== undefined) requireFew(choice, span, mostPoints);
  const { meter, drawn } = withHistory(place, (history) => {
    const name = requireMeter(history, place, given);
    const intervalMs = place.meters.find((one) => one.name === name)?.intervalMs;
    const asked = { ...span, meter: name, names, points: Math.min(points, mostPoints), intervalMs };
    return { meter: name, drawn: choice === undefined ? finest(history, asked) : draw(history, asked, choice) };
  });
  const { resolution, stepMs, table } = drawn;
  const body = { meter, from: iso(span.fromMs), to: iso(span.toMs), resolution, stepMs, ...table };
  const endMs = resolution === SECOND ? span.toMs : endOf(resolution, span.toMs, zone);
  return json(body, { isPast: isPast(endMs, place.nowMs()) });
};

function quantitiesIn(query: Query): string[] {
  const given = [...new Set(query.all('quantity'))];
  const unknown = given.find((name) => quantityInfo(name) === undefined);
  if (unknown !== undefined)
    throw badParameter('quantity', `no quantity is called ${unknown}; /api/v1/meters lists them`);
  if (given.length > MOST_QUANTITIES) throw badParameter('quantity', `ask for at most ${MOST_QUANTITIES} at once`);
  return given.length === 0 ? ['active_power'] : given;
}

function requireFew(choice: Choice, { fromMs, toMs }: Period, mostPoints: number): void {
  const isFew =
    choice === SECOND
      ? toMs - fromMs <= LONGEST_RAW_MS
      : RESOLUTIONS.indexOf(choice) >= RESOLUTIONS.indexOf(resolutionFor(fromMs, toMs, mostPoints));
  if (!isFew) throw badParameter('resolution', 'that are too many points; ask for a shorter time or longer steps');
}

/** Readings where there are any, else the finest roll-ups of which there are not too many. */
function finest(history: History, asked: Asked): Drawn {
  const { fromMs, toMs, points } = asked;
  if (toMs - fromMs > LONGEST_RAW_MS) return draw(history, asked, resolutionFor(fromMs, toMs, points));
  const raw = rawColumns(history, asked, asked.names);
  const firstMs = floorTo(MINUTE_MS, raw.times[0] ?? toMs);
  const isKept = firstMs <= fromMs || history.points({ ...asked, toMs: firstMs }, 'minute', asked.names).every(isEmpty);
  return isKept ? drawnOf(asked, raw) : draw(history, asked, resolutionFor(fromMs, toMs, points));
}

const isEmpty = ({ points }: { points: object[] }) => points.length === 0;

function draw(history: History, asked: Asked, choice: Choice): Drawn {
  if (choice === SECOND) return drawnOf(asked, rawColumns(history, asked, asked.names));
  const { meter, fromMs, toMs, names, intervalMs } = asked;
  const steps = rollupSteps(history.points({ meter, fromMs, toMs }, choice, names));
  const stepMs = choice === 'day' || choice === 'month' ? null : LEVEL_MS[choice];
  return { resolution: choice, stepMs, table: tableOf(steps, names, holesIn(steps, intervalMs)) };
}

function drawnOf(asked: Asked, columns: ReturnType<typeof rawColumns>): Drawn {
  const { stepMs, steps, isHole } = rawSteps(columns, asked);
  return { resolution: SECOND, stepMs, table: tableOf(steps, asked.names, isHole) };
}
