import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fluxRows } from '../../../agent/influxdb/restore/annotated-csv.ts';
import { type CompareBucketOptions, compareBucket } from '../../../agent/influxdb/restore/compare.ts';
import { monthsOf, type Tally, tallyKey } from '../../../agent/influxdb/restore/tallies.ts';
import { api } from '../../support/influx-setup.ts';
import { mixedLines, restoreServer } from '../../support/influx-snapshots.ts';
import { requireInfluxd, setUp, startInfluxd } from '../../support/influxd.ts';
import { FIRST_S, secondsOf, write } from '../snapshot/filled-server.ts';

const SPANS = [{ fromMs: Date.UTC(2026, 1, 20), toMs: Date.UTC(2026, 3, 10) }];

/** Two buckets with the same points of three days and two months. */
async function twins() {
  const { url } = await startInfluxd();
  const access = await setUp(url);
  const { body } = await api<{ orgs: { id: string }[] }>(access, 'GET', '/api/v2/orgs');
  await api(access, 'POST', '/api/v2/buckets', { orgID: body.orgs[0]?.id, name: 'twin' });
  const lines = [-1, 0, 1].flatMap((day) => mixedLines(secondsOf(day, 2000)));
  await write(url, access.token, lines, 'energy');
  await write(url, access.token, lines.toReversed(), 'twin');
  const compare = (given: Partial<CompareBucketOptions> = {}) =>
    compareBucket({
      server: restoreServer(access),
      org: 'home',
      expected: 'energy',
      bucket: 'twin',
      spans: SPANS,
      ...given,
    });
  const add = (line: string) => write(url, access.token, [line], 'twin');
  return { access, compare, add };
}

test('the same points are the same, whatever their types; a point more or another value is named', async (context) => {
  requireInfluxd(context);
  const { compare, add } = await twins();
  const steps: string[] = [];
  const same = await compare({ onProgress: (done, all) => steps.push(`${done}/${all}`) });
  expect(same).toEqual({ leftCount: 24_000, rightCount: 24_000, compared: 12, differing: 0, differences: [] });
  expect(steps).toEqual(['1/3', '2/3', '3/3']);

  // A large number whose last digit a float could not tell.
  await add(`mixed,meter=m0 count=9007199254740993i ${FIRST_S + 86_400}`);
  const changed = await compare();
  expect(changed).toMatchObject({ leftCount: 24_000, rightCount: 24_000, differing: 1 });
  expect(changed.differences).toMatchObject([{ measurement: 'mixed', field: 'count', day: '2026-03-02' }]);
  const { left, right } = changed.differences[0] ?? {};
  expect(BigInt(right?.sum ?? 0) - BigInt(left?.sum ?? 0)).toBe(9_007_199_254_740_993n);

  await add(`odd\\,\\ "one" "f"=1 ${FIRST_S}`);
  const { differing, differences } = await compare();
  expect(differing).toBe(2);
  expect(differences[1]).toEqual({
    measurement: 'odd, "one"',
    field: '"f"',
    day: '2026-03-01',
    left: undefined,
    right: { count: 1, sum: 1 },
  });
});

test('a bucket is compared with what is expected of it; an empty one with nothing', async (context) => {
  requireInfluxd(context);
  const { access, compare } = await twins();
  const tally: Tally = { measurement: 'mixed', field: 'on', day: '2026-03-01', count: 1999, sum: undefined };
  const expected = async ({ fromMs }: { fromMs: number }) =>
    new Map(fromMs === Date.UTC(2026, 2, 1) ? [[tallyKey(tally), tally]] : []);
  const { differing, differences } = await compare({ expected });
  expect(differing).toBe(12);
  expect(differences).toContainEqual(
    expect.objectContaining({ field: 'on', day: '2026-03-01', left: { count: 1999, sum: undefined } }),
  );
  await expect(compare({ bucket: 'nowhere' })).rejects.toThrow('has no bucket nowhere in organisation home');
  const server = restoreServer(access);
  expect(await compare({ server, expected: async () => new Map(), spans: [] })).toMatchObject({ compared: 0 });
});

test('times are asked for in UTC months, each once', () => {
  const day = 86_400_000;
  const long = { fromMs: Date.UTC(2025, 11, 15), toMs: Date.UTC(2026, 1, 1) };
  expect(monthsOf([long, { fromMs: long.toMs - day, toMs: long.toMs + day }])).toEqual([
    { fromMs: long.fromMs, toMs: Date.UTC(2026, 0, 1) },
    { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 1, 1) },
    { fromMs: Date.UTC(2026, 1, 1), toMs: Date.UTC(2026, 1, 2) },
  ]);
  // Points of 1970 and of 2100 are two questions, not 1560.
  expect(monthsOf([0, Date.UTC(2100, 0, 1)].map((fromMs) => ({ fromMs, toMs: fromMs + day })))).toHaveLength(2);
});

test('any cells come back from annotated CSV', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r\n', ' ', '#') });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), (rows) => {
      const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
      const lines = rows.map(([a, b]) => `,_result,0,${quoted(a)},${quoted(b)}`);
      const text = ['#datatype,string,long,string,double', ',result,table,a,b', ...lines, '', ''].join('\r\n');
      const read = [...fluxRows(text)].map(({ values }) => [values.get('a'), values.get('b')]);
      expect(read).toEqual(rows);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('a query that the server breaks off below a 200 is an error', () => {
  const text = '#datatype,string,string\r\n,error,reference\r\n,memory limit exceeded,\r\n';
  expect(() => [...fluxRows(text)]).toThrow('memory limit exceeded');
});
