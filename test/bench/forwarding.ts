import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Committer } from '../../agent/journal/committer.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import type { Entry } from '../../agent/journal/entry.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { State } from '../../agent/journal/state.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { hashedRandom } from '../../agent/simulator/random.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';

/**
 * The figures of forwarding: a backlog of seven days is drained into real servers by the real collector, which goes on
 * reading a virtual meter each second; then the price of forwarding when there is nothing to catch up with.
 */
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const BACKLOG = Number(process.env.BENCH_BACKLOG ?? 604_800);
const CALM_SECONDS = Number(process.env.BENCH_CALM_SECONDS ?? 120);
const SERIES = { measurement: 'energy', meter: 'house', model: 'we-515' };
const directory = mkdtempSync(join(tmpdir(), 'energy-monitor-bench-'));
const children: ChildProcess[] = [];

interface Row {
  figure: string;
  asked: string;
  measured: string;
  met: boolean;
}

interface BenchServer {
  name: string;
  url: string;
  entry: Record<string, unknown>;
  atLeast: number;
}

function start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } });
  children.push(child);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await sleep(100);
  }
  throw new Error(`${url} does not answer`);
}

/** Readings as a WE-515 gives them, up to a few seconds ago. */
function fill(stateDir: string): void {
  const db = openForWriting(stateDir);
  const committer = new Committer(db, new State(db));
  const decimals = Object.fromEntries(WE_515.fields.map((field) => [field.quantity, field.decimals]));
  const firstMs = Math.floor(Date.now() / 1000) * 1000 - (BACKLOG + 5) * 1000;
  const random = (timeMs: number, part: number) => hashedRandom(1, Math.floor(timeMs / 1000), part);
  const at = (timeMs: number) => ({
    activeW: 300 + random(timeMs, 1) * 40 + (Math.floor(timeMs / 600_000) % 5) * 700,
    reactiveVar: 80 + random(timeMs, 2) * 20,
    voltageV: 229 + random(timeMs, 3) * 3,
    frequencyHz: 49.98 + random(timeMs, 4) * 0.04,
  });
  const meter = new VirtualMeter({ model: WE_515, load: { at } }, firstMs);
  for (let from = 0; from < BACKLOG; from += 2000) {
    const entries: Entry[] = [];
    for (let i = from; i < Math.min(from + 2000, BACKLOG); i++) {
      const timeMs = firstMs + i * 1000;
      meter.advance(timeMs);
      entries.push({ kind: 'reading', reading: { series: SERIES, timeMs, values: meter.values() }, decimals });
    }
    committer.commit([entries]);
  }
  db.close();
}

const procNumber = (pid: number | undefined, file: string, pattern: RegExp) =>
  Number(pattern.exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? Number.NaN);
const rssMB = (pid: number | undefined) => procNumber(pid, 'status', /VmRSS:\s+(\d+)/) / 1024;
function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function writeConfig(name: string, influxdb: unknown): { path: string; stateDir: string; link: string } {
  const stateDir = join(directory, name);
  const link = join(directory, `${name}.meter`);
  const path = join(directory, `${name}.yaml`);
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: link } }];
  writeFileSync(path, JSON.stringify({ stateDir, meters, ...(influxdb === undefined ? {} : { influxdb }) }));
  return { path, stateDir, link };
}

const agent = (args: string[]) => start(join(REPOSITORY, 'agent/energy-monitor'), args);

function written(path: string): number {
  const { stdout } = spawnSync(
    join(REPOSITORY, 'agent/energy-monitor'),
    ['forward', 'status', '--json', '--config', path],
    {
      encoding: 'utf8',
    },
  );
  try {
    return (JSON.parse(stdout) as { live?: { written: number } }[])[0]?.live?.written ?? 0;
  } catch {
    return 0;
  }
}

/** Start offsets of the readings between two moments, ms. */
function offsets(stateDir: string, fromMs: number, toMs: number): number[] {
  const reader = new JournalReader(stateDir);
  const taken = reader.readings({ fromMs, toMs }).map(({ values }) => (values.start_offset ?? Number.NaN) * 1000);
  reader.close();
  return taken;
}

async function catchUp(server: BenchServer): Promise<Row[]> {
  const { path, stateDir, link } = writeConfig(server.name, { url: server.url, ...server.entry });
  fill(stateDir);
  const meter = agent(['simulate', '--link', link]);
  await sleep(1000);
  const collector = agent(['collect', '--config', path]);
  const wallMs = Date.now();
  await sleep(3000);
  let highestMB = 0;
  let first: { atMs: number; written: number } | undefined;
  let last = { atMs: performance.now(), written: 0 };
  while (last.written < BACKLOG) {
    const now = { atMs: performance.now(), written: written(path) };
    if (now.written > 0) first ??= now;
    last = now;
    highestMB = Math.max(highestMB, rssMB(collector.pid));
    await sleep(1000);
    if (performance.now() > 600_000) throw new Error(`${server.name} does not catch up: ${now.written}`);
  }
  const rate = (last.written - (first?.written ?? 0)) / ((last.atMs - (first?.atMs ?? 0)) / 1000);
  const late = offsets(stateDir, wallMs + 3000, Date.now());
  await end(collector, 'SIGTERM');
  await end(meter, 'SIGTERM');
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
    {
      figure: `highest RSS of the collector meanwhile (${server.name})`,
      asked: '<= 120 MB',
      measured: `${highestMB.toFixed(1)} MB`,
      met: highestMB <= 120,
    },
  ];
}

/** CPU of a collector at 1 Hz, in percent of a core. */
async function calmCpu(name: string, influxdb: unknown): Promise<number> {
  const { path, link } = writeConfig(name, influxdb);
  const meter = agent(['simulate', '--link', link]);
  await sleep(1000);
  const collector = agent(['collect', '--config', path]);
  await sleep(15_000);
  const before = cpuSeconds(collector.pid);
  await sleep(CALM_SECONDS * 1000);
  const percent = ((cpuSeconds(collector.pid) - before) / CALM_SECONDS) * 100;
  await end(collector, 'SIGTERM');
  await end(meter, 'SIGTERM');
  return percent;
}

async function victoriaMetrics(): Promise<BenchServer> {
  const port = await freePort();
  start('victoria-metrics', [
    `-storageDataPath=${join(directory, 'vm')}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-dedup.minScrapeInterval=1ms',
    '-loggerLevel=ERROR',
  ]);
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/health`);
  return { name: 'victoria-metrics', url, entry: {}, atLeast: 20_000 };
}

async function influxd(program: string): Promise<BenchServer> {
  const port = await freePort();
  const data = join(directory, 'influxd');
  const paths = ['--bolt-path', `${data}/bolt`, '--engine-path', `${data}/engine`, '--sqlite-path', `${data}/sqlite`];
  const address = ['--http-bind-address', `127.0.0.1:${port}`];
  start(program, [...paths, ...address, '--reporting-disabled', '--log-level', 'error'], { HOME: directory });
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/health`);
  const response = await fetch(`${url}/api/v2/setup`, {
    method: 'POST',
    body: JSON.stringify({ username: 'bench', password: 'a long password', org: 'home', bucket: 'energy' }),
  });
  const { auth } = (await response.json()) as { auth: { token: string } };
  return { name: 'influxd', url, entry: { token: auth.token }, atLeast: 10_000 };
}

async function main(): Promise<void> {
  const rows: Row[] = [];
  const program =
    process.env.INFLUXD ?? spawnSync('sh', ['-c', 'command -v influxd'], { encoding: 'utf8' }).stdout.trim();
  const server = await victoriaMetrics();
  rows.push(...(await catchUp(server)));
  if (program !== '') rows.push(...(await catchUp(await influxd(program))));
  const without = await calmCpu('calm-without', undefined);
  const withForwarding = await calmCpu('calm-with', { url: server.url });
  rows.push({
    figure: `CPU that calm forwarding adds, over ${CALM_SECONDS} s`,
    asked: '<= 1 % of a core',
    measured: `${(withForwarding - without).toFixed(2)} % (${without.toFixed(2)} % without, ${withForwarding.toFixed(2)} % with)`,
    met: withForwarding - without <= 1,
  });
  const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Linux ${release()}, Node ${process.version}`;
  const table = [
    '# Figures of forwarding',
    '',
    `Measured by \`npm run bench:forwarding\` on ${new Date().toISOString().slice(0, 10)}, ${machine}.`,
    ...(program === '' ? ['', 'There was no influxd: its rows are missing.'] : []),
    '',
    '| figure | asked | measured | met |',
    '|---|---|---|---|',
    ...rows.map(({ figure, asked, measured, met }) => `| ${figure} | ${asked} | ${measured} | ${met ? 'yes' : 'no'} |`),
    '',
  ].join('\n');
  process.stdout.write(table);
  if (BACKLOG >= 604_800 && program !== '') writeFileSync(join(REPOSITORY, 'test/bench/FORWARDING.md'), table);
  process.exitCode = rows.every((row) => row.met) ? 0 : 1;
}

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}
