import { existsSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { hasProgram } from './requires.ts';

/** The official command line of InfluxDB 2: INFLUX_CLI, or influx on PATH; it is in no package registry. */
export function requireInfluxCli(context: TestContext): string {
  const named = process.env.INFLUX_CLI;
  if (named && existsSync(named)) return named;
  if (!named && hasProgram('influx')) return 'influx';
  return context.skip(
    'there is no influx, the command line of InfluxDB 2 (put it on PATH, or name it with INFLUX_CLI)',
  );
}
