import { testForwarding, testKills } from './promises.ts';
import { startVictoriaMetrics } from './servers.ts';

testForwarding('VictoriaMetrics', startVictoriaMetrics, { readings: 1000, seed: 51 });
testKills('VictoriaMetrics', startVictoriaMetrics, { kills: 5, seed: 52 });
