import { ANSWERED_BY } from './filled-server.ts';
import { proveHome } from './home-proof.ts';
import { DAY_MS, HOUR_MS } from './world.ts';

proveHome({ rawMs: 7 * HOUR_MS, minutesMs: 11 * DAY_MS }, ANSWERED_BY);
