import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Guest } from '../support/nspawn.ts';
import { COLLECTOR, GuestPi } from '../support/nspawn-pi.ts';
import { rssMB } from './proc.ts';
import { type Figures, quantile, type Row } from './table.ts';
import { REPOSITORY, Workplace } from './workplace.ts';

const MINUTES = Number(process.env.BENCH_MINUTES ?? 10);
const BOOTS = 5;
const RUNS = 10;
const DOWNLOADS = '/root/downloads';
const METRICS = 'energy-monitor-host-metrics.service';
/** How often it is asked for the first reading; the answer itself takes longer. */
const LOOK_MS = 50;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** From the unpacking of a tarball to a collector that is ready, the packages of the system being there. */
async function installed(pi: GuestPi, tarball: string): Promise<Row> {
  const startedMs = performance.now();
  const script = `mkdir /root/new && tar -xzf ${DOWNLOADS}/${tarball} -C /root/new && /root/new/*/install.sh --yes`;
  await pi.guest.out('sh', '-c', script);
  const tookMs = performance.now() - startedMs;
  return {
    figure: 'from the tarball to a collector that is ready, unpacking included',
    asked: '<= 60 s',
    measured: seconds(tookMs),
    met: tookMs <= 60_000,
  };
}

/** From the power switch to the first reading that `readings` prints. */
async function boots(pi: GuestPi): Promise<Row> {
  const times: number[] = [];
  for (let boot = 0; boot < BOOTS; boot++) {
    await pi.guest.halt();
    const startedMs = Date.now();
    await pi.guest.switchOn();
    const from = new Date(startedMs).toISOString();
    for (;;) {
      const { code, out } = await pi.guest.run('energy-monitor', 'readings', '--from', from, '--format', 'json');
      if (code === 0 && (JSON.parse(out) as unknown[]).length > 0) break;
      await sleep(LOOK_MS);
    }
    times.push(Date.now() - startedMs);
  }
  return {
    figure: `switching on to the first reading that \`readings\` prints, ${BOOTS} boots`,
    asked: '<= 5 s',
    measured: `median ${seconds(quantile(times, 0.5))}, longest ${seconds(Math.max(...times))}`,
    met: Math.max(...times) <= 5000,
  };
}

/** systemd's own times of the process. */
async function metrics(pi: GuestPi): Promise<Row> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    // systemd refuses a sixth start within ten seconds.
    await pi.guest.run('systemctl', 'reset-failed', METRICS);
    await pi.guest.out('systemctl', 'start', METRICS);
    const { ExecMainStartTimestampMonotonic: start, ExecMainExitTimestampMonotonic: end } = await pi.properties(
      METRICS,
      'ExecMainStartTimestampMonotonic',
      'ExecMainExitTimestampMonotonic',
    );
    times.push((Number(end) - Number(start)) / 1000);
  }
  const median = quantile(times, 0.5);
  return {
    figure: `one host-metrics under its unit, wall time, ${RUNS} runs`,
    asked: '<= 400 ms',
    measured: `median ${median.toFixed(0)} ms, longest ${Math.max(...times).toFixed(0)} ms`,
    met: median <= 400,
  };
}

async function memory(pi: GuestPi): Promise<Row> {
  const pid = pi.guest.outsidePid(Number(await pi.property(COLLECTOR, 'MainPID')));
  const startedMs = performance.now();
  let highestMB = 0;
  while (performance.now() - startedMs < MINUTES * 60_000) {
    await sleep(5000);
    highestMB = Math.max(highestMB, rssMB(pid));
  }
  return {
    figure: `RSS of the collector under its unit, ${MINUTES} minutes`,
    asked: '<= 80 MB',
    measured: `${rssMB(pid).toFixed(1)} MB, highest ${highestMB.toFixed(1)} MB`,
    met: highestMB <= 80,
  };
}

/** Figures of a Debian that was booted for it, with a virtual meter bound in; needs root. BENCH_MINUTES shortens it. */
export async function systemd(): Promise<Figures> {
  using workplace = new Workplace();
  execFileSync('sh', ['systemd/installer/release.sh', '--platform', process.arch, '--output', workplace.directory], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const tarball = readdirSync(workplace.directory).find((name) => name.endsWith('.tar.gz')) ?? '';
  const link = join(workplace.directory, 'energy-meter');
  workplace.agent(['simulate', '--link', link]);
  await sleep(2000);
  const pi = new GuestPi(await Guest.make('bookworm'));
  try {
    pi.plugIn(link);
    pi.guest.bind({ from: workplace.directory, to: DOWNLOADS });
    await pi.guest.boot();
    const rows = [await installed(pi, tarball), await boots(pi), await metrics(pi), await memory(pi)];
    return { title: 'Figures under systemd', rows, complete: MINUTES >= 10 };
  } finally {
    await pi.guest.remove();
  }
}
