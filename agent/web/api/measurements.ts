import { DAY_MS } from '../../history/levels.ts';
import { METER_MEASUREMENT } from '../../readings/reading.ts';
import { json } from '../http/answer.ts';
import type { Route } from '../http/router.ts';
import { knownMeters, requireMeter } from './known-meters.ts';
import { iso } from './span.ts';
import { withHistory, withJournal } from './stores.ts';

export const MOST_READINGS = 1440;
/** So far back from the newest one: a meter that is read each hour lies among the readings of all others. */
const LONGEST_MS = 7 * DAY_MS;

/** The newest readings of a meter, as they were read. */
export const answer: Route['answer'] = ({ query, params }, place) => {
  const limit = query.wholeNumber('limit', 1, MOST_READINGS) ?? MOST_READINGS;
  query.end();
  const [known] = withHistory(place, (history) =>
    knownMeters(history, place, [requireMeter(history, place, params.meter)]),
  );
  const { name = '', model = '', newest } = known ?? {};
  const toMs = (newest?.timeMs ?? 0) + 1;
  const found = withJournal(place, (reader) =>
    reader.newest({ measurement: METER_MEASUREMENT, meter: name }, { fromMs: toMs - LONGEST_MS, toMs }, limit),
  );
  return json({
    meter: name,
    model,
    measurements: found.map(({ timeMs, values }) => ({ time: iso(timeMs), values })),
  });
};
