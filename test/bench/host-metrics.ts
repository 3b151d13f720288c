import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figures, quantile, type Row } from './table.ts';
import { AGENT, Workplace } from './workplace.ts';

const RUNS = 20;
const ASKED_MS = 150;
const METERS = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]\n';

/** User and system milliseconds of one run; bash's `time` counts the children that were waited for. */
function cpuMs(config: string): number {
  const script = `TIMEFORMAT='%U %S'; time "$0" host-metrics --config "$1"`;
  const { stderr, status } = spawnSync('bash', ['-c', script, AGENT, config], { encoding: 'utf8' });
  const [, user, system] = /^(\d+\.\d+) (\d+\.\d+)$/m.exec(stderr) ?? [];
  if (status !== 0 || user === undefined) throw new Error(`host-metrics failed: ${stderr}`);
  return (Number(user) + Number(system)) * 1000;
}

/** Programs that a run asks where they are there: what they cost is part of it. */
const ASKED = {
  systemctl: existsSync('/run/systemd/system') && existsSync('/usr/bin/systemctl'),
  vcgencmd: existsSync('/usr/bin/vcgencmd') || existsSync('/opt/vc/bin/vcgencmd'),
};

const missing = Object.entries(ASKED).flatMap(([program, isThere]) => (isThere ? [] : [program]));
/** A stand-in would cost what a stand-in costs: what is not there is said instead. */
const without = missing.length === 0 ? '' : `; without ${missing.join(' and ')}, which this machine does not have`;

/** CPU time of `host-metrics`, children included, with a warm compile cache, as a timer calls it. */
export async function hostMetrics(): Promise<Figures> {
  using workplace = new Workplace();
  const stateDir = join(workplace.directory, 'state');
  const row = (form: string, written: string): Row => {
    const config = join(workplace.directory, 'config.yaml');
    writeFileSync(config, `stateDir: ${written}\n${METERS}`);
    // The first run fills the compile cache and makes the journal.
    cpuMs(config);
    const times = Array.from({ length: RUNS }, () => cpuMs(config));
    const median = quantile(times, 0.5);
    return {
      figure: `CPU of one host-metrics, ${form}, ${RUNS} runs`,
      asked: `<= ${ASKED_MS} ms`,
      measured: `median ${median.toFixed(0)} ms, highest ${Math.max(...times).toFixed(0)} ms${without}`,
      met: median <= ASKED_MS,
    };
  };
  const rows = [row('stateDir plain', stateDir), row('stateDir in quotes', `"${stateDir}"`)];
  return { title: 'Figures of the machine’s metrics', rows, complete: true };
}
