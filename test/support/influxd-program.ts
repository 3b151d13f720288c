import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The server's program: INFLUXD, or influxd on PATH; InfluxDB 2 is in no package registry. */
export function influxdProgram(): string | undefined {
  const named = process.env.INFLUXD;
  if (named) return existsSync(named) ? named : undefined;
  const found = spawnSync('sh', ['-c', 'command -v influxd'], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}
