import { testForwarding, testKills } from './promises.ts';
import { startInfluxDb } from './servers.ts';

testForwarding('InfluxDB 2', startInfluxDb, { readings: 1000, seed: 61 });
testKills('InfluxDB 2', startInfluxDb, { kills: 5, seed: 62 });
