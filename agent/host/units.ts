import type { Values } from '../readings/reading.ts';
import { propertiesIn, type UnitProperties, unitProperties } from '../system/unit-properties.ts';
import { UNIT_RESTARTS } from './names.ts';

const PATTERN = 'energy-monitor-*.service';
const PROPERTIES = ['Id', 'LoadState', 'ActiveState', 'NRestarts'];

/** States in which a service does its work (systemd, UnitActiveState). A timer's service is mostly inactive, and well so: look at failed. */
const RUNNING = new Set(['active', 'reloading', 'refreshing']);

/** The agent's own services as systemd has them loaded; nothing where systemd does not run. */
export function units(root: string): Values {
  return valuesOf(unitProperties(root, PROPERTIES, ['--all', PATTERN]));
}

/** @param text as systemctl shows it */
export const unitValues = (text: string): Values => valuesOf(propertiesIn(text));

function valuesOf(shown: readonly UnitProperties[]): Values {
  const values: Values = {};
  for (const { Id = '', LoadState, ActiveState: state, NRestarts: restarts } of shown) {
    const name = /^energy-monitor-(.+)\.service$/.exec(Id)?.[1];
    // One for each unit that has ever failed: they come and go, and only say so.
    if (name?.startsWith('alert@')) continue;
    if (name === undefined || !state || LoadState !== 'loaded') continue;
    const prefix = `${UNIT_RESTARTS.prefix}${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`;
    values[`${prefix}_active`] = RUNNING.has(state) ? 1 : 0;
    values[`${prefix}_failed`] = state === 'failed' ? 1 : 0;
    if (restarts !== undefined && /^\d+$/.test(restarts)) values[`${prefix}${UNIT_RESTARTS.suffix}`] = Number(restarts);
  }
  return values;
}
