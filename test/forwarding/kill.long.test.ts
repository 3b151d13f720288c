import { testKills } from './promises.ts';
import { startInfluxDb, startVictoriaMetrics } from './servers.ts';

testKills('VictoriaMetrics', startVictoriaMetrics, { kills: 100, seed: 52 });
testKills('InfluxDB 2', startInfluxDb, { kills: 100, seed: 62 });
