import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readForwardingStatus } from '../../agent/forwarding/forward-status.ts';
import { runtimeDirectory } from '../../agent/journal/runtime-directory.ts';
import { freePort } from '../support/free-port.ts';
import { influxdProgram } from '../support/influxd-program.ts';
import { fillBacklog } from './backlog.ts';
import { bareTimer } from './bare-timer.ts';
import { answers, startInfluxd } from './influxd.ts';
import { startOffsets } from './offsets.ts';
import { cpuSeconds, peakRssMB } from './proc.ts';
import { type Figures, quantile, type Row } from './table.ts';
import { Workplace } from './workplace.ts';

const WEEK = 604_800;
const BACKLOG = Number(process.env.BENCH_BACKLOG ?? WEEK);
const CALM_SECONDS = Number(process.env.BENCH_CALM_SECONDS ?? 120);
const GIVE_UP_MS = 600_000;

interface BenchServer {
  name: string;
  url: string;
  entry: Record<string, unknown>;
  /** Readings per second that are asked of catching up. */
  atLeast: number;
}

function writeConfig(
  { directory }: Workplace,
  name: string,
  influxdb: unknown,
): { path: string; stateDir: string; link: string } {
  const stateDir = join(directory, name);
  const link = join(directory, `${name}.meter`);
  const path = join(directory, `${name}.yaml`);
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: link } }];
  writeFileSync(path, JSON.stringify({ stateDir, meters, ...(influxdb === undefined ? {} : { influxdb }) }));
  return { path, stateDir, link };
}

/** Readings that the forwarding says it has sent since its start. */
function written(stateDir: string): number {
  return readForwardingStatus(runtimeDirectory(stateDir).path)?.sinks[0]?.written ?? 0;
}

async function catchUp(workplace: Workplace, server: BenchServer): Promise<Row[]> {
  const { path, stateDir, link } = writeConfig(workplace, server.name, { url: server.url, ...server.entry });
  fillBacklog(stateDir, BACKLOG);
  const meter = workplace.agent(['simulate', '--link', link]);
  await sleep(1000);
  const collector = workplace.agent(['collect', '--config', path]);
  const bare = bareTimer(workplace);
  const wallMs = Date.now();
  const startMs = performance.now();
  await sleep(3000);
  let first: { atMs: number; written: number } | undefined;
  let last = { atMs: performance.now(), written: 0 };
  while (last.written < BACKLOG) {
    const now = { atMs: performance.now(), written: written(stateDir) };
    if (now.written > 0) first ??= now;
    last = now;
    await sleep(1000);
    if (performance.now() - startMs > GIVE_UP_MS) throw new Error(`${server.name} does not catch up: ${now.written}`);
  }
  const rate = (last.written - (first?.written ?? 0)) / ((last.atMs - (first?.atMs ?? 0)) / 1000);
  const late = startOffsets(stateDir, wallMs + 3000, Date.now());
  const machine = await bare.end();
  const peakMB = peakRssMB(collector.pid);
  await workplace.end(collector);
  await workplace.end(meter);
  return [
    {
      figure: `catching up with ${BACKLOG} readings into ${server.name}, the meter read each second`,
      asked: `>= ${server.atLeast} readings/s`,
      measured: `${Math.round(rate)} readings/s`,
      met: rate >= server.atLeast,
    },
    {
      figure: `start jitter against the grid meanwhile (${server.name})`,
      asked: 'p99 <= 5 ms',
      measured: `p99 ${quantile(late, 0.99).toFixed(1)} ms, median ${quantile(late, 0.5).toFixed(1)} ms, ${late.length} readings`,
      met: quantile(late, 0.99) <= 5,
    },
    machine,
    {
      figure: `peak RSS of the collector until then (${server.name})`,
      asked: '<= 120 MB',
      measured: `${peakMB.toFixed(1)} MB`,
      met: peakMB <= 120,
    },
  ];
}

/** The first start after an installation compiles the code; it is the installer's. */
async function warmUp(workplace: Workplace, server: BenchServer): Promise<void> {
  const { path } = writeConfig(workplace, 'warm-up', { url: server.url, ...server.entry });
  const collector = workplace.agent(['collect', '--config', path]);
  await sleep(5000);
  await workplace.end(collector);
}

/** CPU of a collector at 1 Hz, in percent of a core. */
async function calmCpu(workplace: Workplace, name: string, influxdb: unknown): Promise<number> {
  const { path, link } = writeConfig(workplace, name, influxdb);
  const meter = workplace.agent(['simulate', '--link', link]);
  await sleep(1000);
  const collector = workplace.agent(['collect', '--config', path]);
  await sleep(15_000);
  const before = cpuSeconds(collector.pid);
  await sleep(CALM_SECONDS * 1000);
  const percent = ((cpuSeconds(collector.pid) - before) / CALM_SECONDS) * 100;
  await workplace.end(collector);
  await workplace.end(meter);
  return percent;
}

async function victoriaMetrics(workplace: Workplace): Promise<BenchServer> {
  const port = await freePort();
  workplace.start('victoria-metrics', [
    `-storageDataPath=${join(workplace.directory, 'vm')}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-dedup.minScrapeInterval=1ms',
    '-loggerLevel=ERROR',
  ]);
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/health`);
  return { name: 'victoria-metrics', url, entry: {}, atLeast: 20_000 };
}

/**
 * The figures of forwarding: a backlog of seven days is drained into real servers by the real collector, which goes on
 * reading a virtual meter each second; then the price of forwarding when there is nothing to catch up with. BENCH_BACKLOG
 * and BENCH_CALM_SECONDS shorten it.
 */
export async function forwarding(): Promise<Figures> {
  using workplace = new Workplace();
  const program = influxdProgram();
  const server = await victoriaMetrics(workplace);
  await warmUp(workplace, server);
  const rows = await catchUp(workplace, server);
  if (program !== undefined) {
    const { url, token } = await startInfluxd(workplace, program);
    rows.push(...(await catchUp(workplace, { name: 'influxd', url, entry: { token }, atLeast: 10_000 })));
  }
  const without = await calmCpu(workplace, 'calm-without', undefined);
  const withForwarding = await calmCpu(workplace, 'calm-with', { url: server.url });
  rows.push({
    figure: `CPU that calm forwarding adds, over ${CALM_SECONDS} s`,
    asked: '<= 1 % of a core',
    measured: `${(withForwarding - without).toFixed(2)} % (${without.toFixed(2)} % without, ${withForwarding.toFixed(2)} % with)`,
    met: withForwarding - without <= 1,
  });
  return {
    title: 'Figures of forwarding',
    rows,
    remarks: program === undefined ? ['There was no influxd: its rows are missing.'] : [],
    complete: BACKLOG >= WEEK && program !== undefined,
  };
}
