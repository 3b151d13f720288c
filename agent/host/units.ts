import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { UNIT_RESTARTS } from './names.ts';

const PATTERN = 'energy-monitor-*.service';
const PROPERTIES = 'Id,LoadState,ActiveState,NRestarts';
const PATIENCE_MS = 5000;

/** States in which a service does its work (systemd, UnitActiveState). A timer's service is mostly inactive, and well so: look at failed. */
const RUNNING = new Set(['active', 'reloading', 'refreshing']);

/** The agent's own services as systemd has them loaded, asked in one call; nothing where systemd does not run. */
export function units(root: string): Values {
  // sd_booted(3)
  if (!existsSync(join(root, 'run/systemd/system'))) return {};
  const program = join(root, 'usr/bin/systemctl');
  if (!existsSync(program)) return {};
  // Without --all a pattern leaves out what is inactive.
  const { status, stdout } = spawnSync(program, ['show', '--all', `--property=${PROPERTIES}`, PATTERN], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  });
  return status === 0 ? unitValues(stdout) : {};
}

/** `Key=value` lines, a blank line between units (systemctl(1), show). */
export function unitValues(text: string): Values {
  const values: Values = {};
  for (const block of text.split(/\n\s*\n/)) {
    const property = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(block)?.[1];
    const name = /^energy-monitor-(.+)\.service$/.exec(property('Id') ?? '')?.[1];
    const state = property('ActiveState');
    // One for each unit that has ever failed: they come and go, and only say so.
    if (name?.startsWith('alert@')) continue;
    if (name === undefined || state === undefined || property('LoadState') !== 'loaded') continue;
    const prefix = `${UNIT_RESTARTS.prefix}${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`;
    values[`${prefix}_active`] = RUNNING.has(state) ? 1 : 0;
    values[`${prefix}_failed`] = state === 'failed' ? 1 : 0;
    const restarts = property('NRestarts');
    if (restarts !== undefined && /^\d+$/.test(restarts)) values[`${prefix}${UNIT_RESTARTS.suffix}`] = Number(restarts);
  }
  return values;
}
