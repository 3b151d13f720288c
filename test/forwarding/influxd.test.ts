import { type InfluxAccess, influxPoints, requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { testForwarding } from './servers.ts';

testForwarding(
  'InfluxDB 2',
  async (context) => {
    requireInfluxd(context);
    const server = await startInfluxd();
    let access: InfluxAccess = await setUp(server.url);
    const entry = () => ({ org: access.org, bucket: 'energy', token: access.token });
    return {
      url: server.url,
      entry: entry(),
      points: () => influxPoints(access, 'energy'),
      start: () => server.start(),
      end: (signal) => server.end(signal),
      wipe: () => server.wipe(),
      again: async () => {
        await server.start();
        access = await setUp(server.url);
        return entry();
      },
    };
  },
  { readings: 1000, kills: 5, seed: 61 },
);
