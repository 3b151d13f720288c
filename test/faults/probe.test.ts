import { expect, test } from 'vitest';
import { FAULTS } from '../../agent/simulator/faults.ts';
import { fastRun, wrongValues } from '../support/fast-line.ts';

const sets = { none: {}, ...Object.fromEntries(FAULTS.map((f) => [f, { [f]: 0.1 }])), all: Object.fromEntries(FAULTS.filter(f=>f!=='unplug').map((f) => [f, 0.1])), all4: Object.fromEntries(FAULTS.map((f) => [f, 0.02])) };
for (const [name, faults] of Object.entries(sets)) {
  test.concurrent(`${name}`, { timeout: 100000 }, async () => {
    const run = await fastRun({ seed: 7, ticks: 200, faults, transport: 'pty' });
    const causes: Record<string, number> = {};
    for (const o of run.outcomes) { const k = 'cause' in o ? o.cause : 'good'; causes[k] = (causes[k] ?? 0) + 1; }
    console.log(name, run.struck, JSON.stringify(causes), wrongValues(run).slice(0,3));
    expect(wrongValues(run)).toEqual([]);
  });
}
