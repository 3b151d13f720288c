import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finished } from '../../support/child.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { requireProgram } from '../../support/requires.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { VictoriaMetrics } from '../../support/victoria-metrics.ts';

const FIRST_S = 1_772_323_200;

test(
  'a VictoriaMetrics is restored on trial under names of its own, which go again',
  { timeout: 90_000 },
  async (context) => {
    requireProgram(context, 'victoria-metrics');
    const server = await VictoriaMetrics.start();
    const lines = Array.from({ length: 60 }, (_, i) => `energy,meter=house voltage=${230 + (i % 7)} ${FIRST_S + i}`);
    await fetch(`${server.url}/api/v2/write?precision=s`, { method: 'POST', body: lines.join('\n') });
    const before = await server.points();
    const directory = temporaryDirectory();
    const path = (name: string) => join(directory, name);
    const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
    const backup = { unencrypted: true, stores: [{ directory: path('place') }], databases: [{ sink: 'vm' }] };
    const influxdb = { name: 'vm', url: server.url };
    writeFileSync(path('config'), JSON.stringify({ stateDir: path('state'), meters, influxdb, backup }));
    fillJournal(path('state'), secondsFrom(FIRST_S, 10));
    const run = (...args: string[]) => finished([...args, '--config', path('config')]);
    expect(await run('backup', 'run')).toMatchObject({ code: 0, err: '' });
    const drilled = await run('backup', 'drill');
    expect(drilled).toMatchObject({ code: 0, err: '' });
    expect(drilled.out).toMatch(/^ {2}databases\/vm {2}restored, 60 samples of 1 series, 1 days of series compared/m);
    expect(await server.points()).toEqual(before);
  },
);
