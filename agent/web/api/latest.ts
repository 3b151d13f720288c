import { json } from '../http/answer.ts';
import type { Route } from '../http/router.ts';
import { isHidden, type KnownMeter, knownMeters } from './known-meters.ts';
import { iso } from './span.ts';
import { withHistory } from './stores.ts';

/** The newest reading of each meter. */
export const answer: Route['answer'] = ({ query }, place) => {
  const all = query.flag('all');
  query.end();
  const measurements = withHistory(place, (history) =>
    knownMeters(history, place)
      .filter((meter) => all || !isHidden(meter, place))
      .map(shown),
  );
  return json({ measurements });
};

const shown = ({ name, model, newest, gap }: KnownMeter) => ({
  meter: name,
  model,
  time: newest ? iso(newest.timeMs) : null,
  values: newest?.values ?? {},
  gap: gap ? { since: iso(gap.sinceMs), cause: gap.cause, message: gap.message } : null,
});
