import { test } from 'vitest';
import { IS_REAL } from './filled-server.ts';
import { proveHome } from './home-proof.ts';
import { DAY_MS } from './world.ts';

if (IS_REAL) proveHome({ rawMs: 10 * DAY_MS, minutesMs: 40 * DAY_MS }, 'influxd, a reading each second for ten days');
else test.skip('Home with ten days of readings needs an influxd 2.x (put it on PATH, or name it with INFLUXD)');
