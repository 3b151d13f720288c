import type { History } from '../../history/history.ts';
import { QUANTITIES, type Quantity, quantityKind } from '../../readings/quantity.ts';
import { json } from '../http/answer.ts';
import type { Route } from '../http/router.ts';
import { isHidden, type KnownMeter, knownMeters } from './known-meters.ts';
import { iso } from './span.ts';
import { withHistory } from './stores.ts';
import { zoneOf } from './zone.ts';

/** Which meters there are, and what can be asked of each. */
export const answer: Route['answer'] = ({ query }, place) => {
  const all = query.flag('all');
  query.end();
  const beforeMs = place.nowMs();
  const meters = withHistory(place, (history) =>
    knownMeters(history, place)
      .filter((meter) => all || !isHidden(meter, place))
      .map((meter) => ({
        name: meter.name,
        model: meter.model,
        intervalMs: meter.intervalMs ?? null,
        lastReading: meter.newest ? iso(meter.newest.timeMs) : null,
        connected: meter.status?.connected ?? null,
        quantities: quantitiesOf(history, meter, beforeMs),
      })),
  );
  return json({ timeZone: zoneOf(place).name, meters });
};

/** Of the last hour that is kept: not each reading has each of them. */
function quantitiesOf(history: History, { newest, series }: KnownMeter, beforeMs: number) {
  const names = new Set(Object.keys(newest?.values ?? {}));
  for (const one of series) {
    if (one.model !== newest?.model) continue;
    for (const name of history.quantitiesOf(one, beforeMs)) names.add(name);
  }
  return (Object.keys(QUANTITIES) as Quantity[])
    .filter((name) => names.has(name))
    .map((name) => ({
      name,
      label: QUANTITIES[name].label,
      unit: QUANTITIES[name].unit,
      kind: quantityKind(name),
    }));
}
