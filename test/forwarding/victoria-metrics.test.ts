import { requireProgram } from '../support/requires.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';
import { testForwarding } from './servers.ts';

testForwarding(
  'VictoriaMetrics',
  async (context) => {
    requireProgram(context, 'victoria-metrics');
    const server = await VictoriaMetrics.start();
    return {
      url: server.url,
      entry: {},
      points: () => server.points(),
      start: () => server.start(),
      end: (signal) => server.end(signal),
      wipe: () => server.wipe(),
      again: async () => {
        await server.start();
        return {};
      },
    };
  },
  { readings: 1000, kills: 5, seed: 51 },
);
