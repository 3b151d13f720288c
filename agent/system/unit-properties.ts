import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Properties of a unit by their names, as systemd writes them; empty where it says nothing of one. */
export type UnitProperties = Readonly<Record<string, string>>;

const PATIENCE_MS = 5000;

/**
 * What systemd says of units, asked in one call (systemctl(1), show). Times are UTC, such as `Sun 2026-11-22 03:55:32 UTC`:
 * --timestamp=unix leaves out when a timer ran (systemd 252 to 257), and local times come twice in autumn.
 * @param root for tests: what stands for /
 * @param which names of units; or a pattern, which without --all leaves out what is inactive
 * @returns a record for each unit; none where systemd does not run (sd_booted(3)), or does not answer
 */
export function unitProperties(
  root: string,
  properties: readonly string[],
  which: readonly string[],
  patienceMs = PATIENCE_MS,
): UnitProperties[] {
  const program = join(root, 'usr/bin/systemctl');
  if (!existsSync(join(root, 'run/systemd/system')) || !existsSync(program)) return [];
  const args = ['show', `--property=${properties.join(',')}`, ...which];
  const env = { ...process.env, TZ: 'UTC' };
  return propertiesIn(spawnSync(program, args, { encoding: 'utf8', timeout: patienceMs, env }).stdout ?? '');
}

/** `Key=value` lines, a blank line between units. */
export function propertiesIn(text: string): UnitProperties[] {
  const blocks = text.split(/\n\s*\n/).filter((block) => block.trim() !== '');
  return blocks.map((block) =>
    Object.fromEntries([...block.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value])),
  );
}
