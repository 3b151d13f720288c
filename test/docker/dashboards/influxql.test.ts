import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { toLine } from '../../../agent/influxdb/line-protocol.ts';
import { Workplace } from '../../bench/workplace.ts';
import { requireInfluxd } from '../../support/influxd.ts';
import { readDockerFile } from '../compose-files.ts';
import { fill, startServer } from './filled-server.ts';
import { HOUR_MS, METER, STOP_MS } from './world.ts';

/** The second data source, as Grafana asks it. */
test('InfluxQL finds the readings under the name and with the header of the data source', async (context) => {
  requireInfluxd(context);
  using workplace = new Workplace();
  const { url, reader, operator } = await startServer(workplace);
  const series = { measurement: 'energy', meter: METER, model: 'we-515' };
  const readings = [0, 1, 2].map((n) => ({ series, timeMs: STOP_MS - n * HOUR_MS, values: { active_power: 100 + n } }));
  await fill(
    url,
    operator,
    readings.map((reading) => ({ bucket: 'energy', text: toLine(reading) })),
  );

  const { datasources } = parse(readDockerFile('grafana/provisioning/datasources/influxdb.yaml')) as {
    datasources: { jsonData: Record<string, string>; secureJsonData: Record<string, string> }[];
  };
  const { jsonData, secureJsonData } = datasources[1] ?? { jsonData: {}, secureJsonData: {} };
  const header = secureJsonData.httpHeaderValue1?.replace(/\$__file\{.*\}/, reader) ?? '';
  const response = await fetch(`${url}/query?db=${jsonData.dbName}`, {
    method: jsonData.httpMode ?? 'GET',
    headers: { [jsonData.httpHeaderName1 ?? '']: header, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ q: `SELECT mean(active_power) FROM energy WHERE meter = '${METER}'` }).toString(),
  });
  const { results } = (await response.json()) as { results: { series?: { values: number[][] }[] }[] };
  expect(results[0]?.series?.[0]?.values[0]?.[1]).toBe(101);
});
