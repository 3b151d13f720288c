import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { home } from './home.ts';

/**
 * `npm run dashboards` writes the dashboards that Grafana loads; with `--check` it says which of them are not what these sources make,
 * and ends with 1.
 */
const DIRECTORY = join(import.meta.dirname, '../grafana/dashboards');

const FILES: Readonly<Record<string, () => unknown>> = { 'home.json': home };

const isCheck = process.argv.includes('--check');
mkdirSync(DIRECTORY, { recursive: true });
const stale = Object.entries(FILES).filter(([name, build]) => {
  const path = join(DIRECTORY, name);
  const text = `${JSON.stringify(build(), null, 2)}\n`;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  if (!isCheck) writeFileSync(path, text);
  return true;
});
if (isCheck && stale.length > 0) {
  const names = stale.map(([name]) => name).join(', ');
  process.stderr.write(`docker/grafana/dashboards: ${names} is not what docker/dashboards makes: npm run dashboards\n`);
  process.exitCode = 1;
}
