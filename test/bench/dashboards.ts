import { loadavg } from 'node:os';
import { ALERTS } from '../../docker/dashboards/alerts.ts';
import { asGrafana, type DashboardFile, dashboard, PAGE } from '../docker/dashboards/asking.ts';
import { ask, fill, IS_REAL, startServer } from '../docker/dashboards/filled-server.ts';
import { MachineWorld } from '../docker/dashboards/machine-world.ts';
import { DAY_MS, HOUR_MS, START_MS, STOP_MS, World } from '../docker/dashboards/world.ts';
import { peakRssMB } from './proc.ts';
import { type Figures, quantile, type Row } from './table.ts';
import { Workplace } from './workplace.ts';

const RUNS = 7;
const REFRESHES = 10;
const ASKED_MS = 300;
const ASKED_MB = 350;
/** A day over a panel of some 1400 pixels, as Grafana rounds it. */
const DEFAULT = { ...PAGE, intervalMs: 60_000 };

const queries = (file: DashboardFile): [title: string, query: string][] => [
  ...file.panels.flatMap(({ title, targets }) => targets.map(({ query }): [string, string] => [title, query])),
  ...(file.annotations.list ?? []).map(({ name, target }): [string, string] => [
    `annotation ${name}`,
    target?.query ?? '',
  ]),
  ...file.templating.list
    .filter(({ type }) => type === 'query')
    .map(({ name, query }): [string, string] => [`choice of ${name}`, query as string]),
];

async function timed(figure: string, send: () => Promise<unknown>): Promise<Row> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const begin = performance.now();
    await send();
    times.push(performance.now() - begin);
  }
  const median = quantile(times, 0.5);
  return {
    figure,
    asked: `<= ${ASKED_MS} ms`,
    measured: `median ${median.toFixed(0)} ms, first ${times[0]?.toFixed(0)} ms, highest ${Math.max(...times).toFixed(0)} ms`,
    met: median <= ASKED_MS,
  };
}

async function rowsOf(name: string, send: (query: string) => Promise<unknown>): Promise<Row[]> {
  const file = dashboard(name);
  const rows: Row[] = [];
  for (const [title, query] of queries(file)) {
    const script = asGrafana(query, DEFAULT);
    rows.push(await timed(`${file.title}: ${title}`, () => send(script)));
  }
  return rows;
}

/** What dashboards cost a server with the limits of compose.yaml: 14 months of both roll-ups, ten days of a reading a second. */
export async function dashboards(): Promise<Figures> {
  const title = 'Figures of the dashboards';
  if (!IS_REAL) return { title, rows: [], remarks: ['There is no influxd 2.x (INFLUXD).'], complete: false };
  using workplace = new Workplace();
  const server = await startServer(workplace);
  const world = new World({ rawMs: 10 * DAY_MS, minutesMs: STOP_MS - START_MS });
  await fill(server.url, server.operator, world.lines());
  await fill(server.url, server.operator, new MachineWorld(60).lines());

  // Filling took memory that looking does not.
  const pid = await server.restart();
  const send = (script: string) => ask(server.url, server.reader, script);
  const home = queries(dashboard('home')).map(([, query]) => asGrafana(query, DEFAULT));
  const refreshes: number[] = [];
  for (let n = 0; n < REFRESHES; n++) {
    const begin = performance.now();
    await Promise.all(home.map(send));
    refreshes.push(performance.now() - begin);
  }
  const peakMB = peakRssMB(pid);
  const refresh: Row = {
    figure: `peak RSS of influxd while Home asks all its ${home.length} queries at once, ${REFRESHES} times`,
    asked: `<= ${ASKED_MB} MB`,
    measured: `${peakMB.toFixed(0)} MB; a refresh takes ${quantile(refreshes, 0.5).toFixed(0)} ms, the first after a start ${refreshes[0]?.toFixed(0)} ms`,
    met: peakMB <= ASKED_MB,
  };
  const rows = [refresh];
  for (const name of ['home', 'quality', 'machine']) rows.push(...(await rowsOf(name, send)));
  const curve = dashboard('home').panels.find(({ title }) => title === 'Power')?.targets[0]?.query ?? '';
  for (const [what, spanMs, intervalMs] of [
    ['6 hours of raw readings', 6 * HOUR_MS, 15_000],
    ['10 days of minutes', 10 * DAY_MS, 600_000],
    ['14 months of quarters', STOP_MS - START_MS, 8 * HOUR_MS],
  ] as const) {
    const script = asGrafana(curve, { ...PAGE, fromMs: STOP_MS - spanMs, intervalMs });
    rows.push(await timed(`Home: Power over ${what}`, () => send(script)));
  }
  for (const { title, query, lookBackS } of ALERTS) {
    const script = asGrafana(query, { ...PAGE, fromMs: STOP_MS - lookBackS * 1000 });
    rows.push(await timed(`alert, each minute: ${title}`, () => send(script)));
  }
  const remarks = [
    'Each query alone, over its dashboard’s default range of a day if nothing else is said, of 14 months of roll-ups and ten days of a reading a second; influxd 2.9.1 with the settings of `docker/compose.yaml`, which let it answer two queries at once.',
    `Load of the machine at the end: ${loadavg()[0]?.toFixed(1)}.`,
  ];
  return { title, rows, remarks, complete: true };
}
