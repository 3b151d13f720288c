import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JournalReader } from '../../agent/journal/reader.ts';
import { bareTimer } from './bare-timer.ts';
import { cpuSeconds, rssMB } from './proc.ts';
import { type Figures, quantile, type Row } from './table.ts';
import { Workplace } from './workplace.ts';

const MINUTES = Number(process.env.BENCH_MINUTES ?? 2);
const LEAST_MINUTES = 2;
const METERS = fileURLToPath(new URL('many-meters-process.ts', import.meta.url));
/** Eight meters at addresses of their own, eight behind one gateway. */
const UNITS = [1, 1, 1, 1, 1, 1, 1, 1, 8];
const COUNT = UNITS.reduce((sum, units) => sum + units, 0);

/** What the journal has of each meter in these minutes. */
function taken(stateDir: string, fromMs: number, toMs: number) {
  const reader = new JournalReader(stateDir);
  try {
    const readings = reader.readings({ fromMs, toMs: toMs - 1 });
    const ms = (name: string) => readings.map(({ values }) => (values[name] ?? Number.NaN) * 1000);
    const points = new Set(readings.map(({ series, timeMs }) => `${series.meter} ${timeMs}`));
    return { points: points.size, offsets: ms('start_offset'), durations: ms('duration') };
  } finally {
    reader.close();
  }
}

/** Sixteen virtual meters at 1 Hz over Modbus TCP, read by one collector: the command line, with a journal. */
export async function manyMeters(): Promise<Figures> {
  using workplace = new Workplace();
  const virtual = workplace.start(process.execPath, [METERS, ...UNITS.map(String)]);
  const [text] = virtual.stdout ? await once(virtual.stdout, 'data') : ['[]'];
  const ports = JSON.parse(String(text)) as number[];
  const meters = ports.flatMap((port, i) =>
    Array.from({ length: UNITS[i] ?? 0 }, (_, unit) => ({
      name: `meter-${i}-${unit}`,
      model: 'we-515',
      unit: unit + 1,
      connection: { tcp: `127.0.0.1:${port}` },
    })),
  );
  const stateDir = join(workplace.directory, 'state');
  const config = join(workplace.directory, 'config.yaml');
  writeFileSync(config, JSON.stringify({ stateDir, meters }));
  const collector = workplace.agent(['collect', '--config', config]);
  await sleep(5000);
  const bare = bareTimer(workplace);
  const startedMs = performance.now();
  const fromMs = Math.ceil(Date.now() / 1000) * 1000;
  const cpuBefore = cpuSeconds(collector.pid);
  let highestMB = 0;
  while (performance.now() - startedMs < MINUTES * 60_000) {
    await sleep(1000);
    highestMB = Math.max(highestMB, rssMB(collector.pid));
  }
  const toMs = Math.floor(Date.now() / 1000) * 1000;
  const cpuPercent = ((cpuSeconds(collector.pid) - cpuBefore) / ((performance.now() - startedMs) / 1000)) * 100;
  const machine = await bare.end();
  await workplace.end(collector);
  await workplace.end(virtual);

  const { points, offsets, durations } = taken(stateDir, fromMs, toMs);
  const asked = ((toMs - fromMs) / 1000) * COUNT;
  const p99 = quantile(offsets, 0.99);
  const rows: Row[] = [
    {
      figure: `missed seconds of ${COUNT} meters at 1 Hz over TCP in ${MINUTES} minutes, 8 of them behind one gateway`,
      asked: '0',
      measured: `${asked - points} of ${asked}`,
      met: asked === points && MINUTES >= LEAST_MINUTES,
    },
    {
      figure: 'CPU of the collector, one core',
      asked: '<= 15 %',
      measured: `${cpuPercent.toFixed(2)} %`,
      met: cpuPercent <= 15,
    },
    { figure: 'RSS, highest', asked: 'shown beside', measured: `${highestMB.toFixed(1)} MB`, met: true },
    {
      figure: 'start jitter against the grid, all meters',
      asked: 'shown beside',
      measured: `p99 ${p99.toFixed(1)} ms, max ${Math.max(...offsets).toFixed(1)} ms`,
      met: true,
    },
    {
      figure: 'end of a sample after its start, waiting for the line included',
      asked: 'shown beside',
      measured: `median ${quantile(durations, 0.5).toFixed(0)} ms, p99 ${quantile(durations, 0.99).toFixed(0)} ms`,
      met: true,
    },
    machine,
  ];
  return { title: 'Figures of many meters', rows, complete: MINUTES >= LEAST_MINUTES };
}
