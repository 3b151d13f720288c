import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { backup } from './backup.ts';
import { dashboards } from './dashboards.ts';
import { doctor } from './doctor.ts';
import { firstRun } from './first-run.ts';
import { forwarding } from './forwarding.ts';
import { history } from './history.ts';
import { hostMetrics } from './host-metrics.ts';
import { manyMeters } from './many-meters.ts';
import { page } from './page.ts';
import { systemd } from './systemd.ts';
import { type Figures, table } from './table.ts';

/**
 * `npm run bench [-- PART ...]`: measures the parts, all by default, shows their tables, and keeps each complete one in
 * results/PART.md. Ends with 1 when a figure falls short. Nothing else should run on the machine meanwhile.
 */
const PARTS: Readonly<Record<string, () => Promise<Figures>>> = {
  'first-run': firstRun,
  forwarding,
  'host-metrics': hostMetrics,
  history,
  backup,
  doctor,
  'many-meters': manyMeters,
  systemd,
  dashboards,
  page,
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  process.stderr.write(`There is no part ${unknown.join(', ')}; the parts are ${Object.keys(PARTS).join(', ')}.\n`);
  process.exit(64);
}

const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
for (const name of wanted) {
  const figures = await PARTS[name]?.();
  if (!figures) continue;
  const text = table(figures, `npm run bench -- ${name}`);
  process.stdout.write(`${text}\n`);
  if (figures.complete) writeFileSync(join(results, `${name}.md`), text);
  if (!figures.rows.every((row) => row.met)) process.exitCode = 1;
}
