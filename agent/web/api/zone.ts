import { systemZone, Zone } from '../../system/zone.ts';
import type { Place } from '../place.ts';

let known: Zone | undefined;

/** The zone of the configuration, else the machine's. */
export function zoneOf({ timeZone = systemZone() }: Pick<Place, 'timeZone'>): Zone {
  if (known?.name !== timeZone) known = new Zone(timeZone);
  return known;
}
