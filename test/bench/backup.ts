import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { Azurite } from '../support/azurite.ts';
import { influxdProgram } from '../support/influxd-program.ts';
import { fillBacklog } from './backlog.ts';
import { influxWeek, journalWeek, type Week } from './backup-week.ts';
import { bareTimer } from './bare-timer.ts';
import { startOffsets } from './offsets.ts';
import { peakRssMB } from './proc.ts';
import { type Figures, quantile, type Row } from './table.ts';
import { AGENT, Workplace } from './workplace.ts';

/** Days of one meter: about 100 MB of journal, and 2 GB. */
const SMALL_DAYS = Number(process.env.BENCH_BACKUP_SMALL_DAYS ?? 22);
const LARGE_DAYS = Number(process.env.BENCH_BACKUP_LARGE_DAYS ?? 440);
const JITTER_RUNS = 6;

interface Run {
  peakMB: number;
  ms: number;
  bytes: number;
  sentBytes: number;
}

/** A state directory, and a configuration that backs it up into these stores. */
class Machine {
  readonly stateDir: string;
  readonly link: string;
  readonly #workplace: Workplace;
  readonly #recipient: string;
  #configs = 0;

  constructor(workplace: Workplace, recipient: string) {
    this.#workplace = workplace;
    this.#recipient = recipient;
    this.stateDir = join(workplace.directory, 'state');
    this.link = join(workplace.directory, 'meter');
  }

  config(store: Record<string, unknown>): string {
    const path = join(this.#workplace.directory, `config-${this.#configs++}.yaml`);
    const meters = [{ name: 'house', model: 'we-515', connection: { serial: this.link } }];
    const backup = { stores: [store], recipient: this.#recipient };
    writeFileSync(path, JSON.stringify({ stateDir: this.stateDir, meters, backup }));
    return path;
  }

  directory(name: string): string {
    return this.config({ directory: join(this.#workplace.directory, name) });
  }

  async run(config: string): Promise<Run> {
    const { said, ...measured } = await this.#measure(['backup', 'run', '--json', '--config', config]);
    const [{ result }] = JSON.parse(said) as [{ result: { bytes: number; sentBytes: number } }];
    return { ...measured, ...result };
  }

  /** Into an empty directory, as on a new machine. */
  async restore(place: string, identity: string): Promise<Omit<Run, 'bytes' | 'sentBytes'>> {
    const key = join(this.#workplace.directory, 'key');
    writeFileSync(key, identity, { mode: 0o600 });
    const target = join(this.#workplace.directory, 'restored');
    const from = ['--from', join(this.#workplace.directory, place), '--identity-file', key];
    const args = ['restore', ...from, '--state-dir', target, '--config', join(target, 'config.yaml')];
    // The first start compiles the code; it is the installer's.
    await this.#measure([...args, '--dry-run']);
    return this.#measure(args);
  }

  /** On trial, compared with the live journal and removed. */
  drill(config: string): Promise<Omit<Run, 'bytes' | 'sentBytes'>> {
    const key = join(this.#workplace.directory, 'key');
    return this.#measure(['backup', 'drill', '--identity-file', key, '--config', config]);
  }

  /** One run of the command line: its peak RSS while it lives, how long it took, what it said. */
  async #measure(args: string[]): Promise<{ peakMB: number; ms: number; said: string }> {
    const startMs = performance.now();
    const child = this.#workplace.agent(args);
    let said = '';
    child.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
    });
    let peakMB = 0;
    while (child.exitCode === null && child.signalCode === null) {
      try {
        peakMB = Math.max(peakMB, peakRssMB(child.pid) || 0);
      } catch {
        // It has just ended.
      }
      await sleep(5);
    }
    if (child.exitCode !== 0) throw new Error(`${args[0]} ended with ${child.exitCode ?? child.signalCode}`);
    return { peakMB, ms: performance.now() - startMs, said };
  }
}

function memoryRow(what: string, { peakMB, ms, bytes }: Run): Row {
  return {
    figure: `peak RSS of a first backup of ${(bytes / 1e6).toFixed(0)} MB ${what}`,
    asked: '<= 130 MB',
    measured: `${peakMB.toFixed(1)} MB, in ${(ms / 1000).toFixed(1)} s`,
    met: peakMB <= 130,
  };
}

async function intoAzure(machine: Machine, workplace: Workplace): Promise<Row> {
  const azurite = await Azurite.start();
  try {
    const file = join(workplace.directory, 'azure.connection');
    writeFileSync(file, azurite.connectionString(), { mode: 0o600 });
    const azure = azurite.urlOf(await azurite.container());
    const config = machine.config({ azure, connectionStringFile: file });
    spawnSync(AGENT, ['backup', 'unlock', '--config', config]);
    return memoryRow('into Azure (Azurite)', await machine.run(config));
  } finally {
    await azurite.stop();
  }
}

/** First backups one after the other, of the journal into which a collector puts a reading each second. */
async function jitter(machine: Machine, workplace: Workplace): Promise<Row[]> {
  const config = machine.directory('jitter');
  const meter = workplace.agent(['simulate', '--link', machine.link]);
  await sleep(1000);
  const collector = workplace.agent(['collect', '--config', config]);
  await sleep(10_000);
  const bare = bareTimer(workplace);
  const fromMs = Date.now();
  for (let run = 0; run < JITTER_RUNS; run++) await machine.run(machine.directory(`jitter-${run}`));
  const offsets = startOffsets(machine.stateDir, fromMs, Date.now());
  const seconds = Math.floor((Date.now() - fromMs) / 1000);
  const stolen = await bare.end();
  await workplace.end(collector);
  await workplace.end(meter);
  return [
    {
      figure: 'start jitter of the 1 Hz loop against the grid during backups',
      asked: 'p99 <= 5 ms, none missed',
      measured: `p99 ${quantile(offsets, 0.99).toFixed(1)} ms, median ${quantile(offsets, 0.5).toFixed(1)} ms, ${offsets.length} readings in ${seconds} s`,
      met: quantile(offsets, 0.99) <= 5 && offsets.length >= seconds - 1,
    },
    stolen,
  ];
}

function weekRow(what: string, { sentBytes, fullBytes }: Week): Row {
  return {
    figure: `sent in seven days of hourly backups of ${what}, against hourly full copies, compressed as well`,
    asked: '<= 1/20',
    measured: `1/${(fullBytes / sentBytes).toFixed(1)} (${(sentBytes / 1e6).toFixed(1)} MB instead of ${(fullBytes / 1e6).toFixed(0)} MB)`,
    met: sentBytes * 20 <= fullBytes,
  };
}

function restoreRows(bytes: number, { peakMB, ms }: Pick<Run, 'peakMB' | 'ms'>): Row[] {
  const mbPerS = bytes / 1e3 / ms;
  const yearS = (ms / 1000) * (365 / LARGE_DAYS);
  return [
    {
      figure: `restoring ${(bytes / 1e6).toFixed(0)} MB of journal from a directory`,
      asked: '>= 20 MB/s',
      measured: `${mbPerS.toFixed(1)} MB/s, in ${(ms / 1000).toFixed(0)} s`,
      met: mbPerS >= 20,
    },
    {
      figure: 'the same for a year of one meter',
      asked: '<= 3 minutes',
      measured: `${(yearS / 60).toFixed(1)} minutes`,
      met: yearS <= 180,
    },
    { figure: 'peak RSS of that', asked: '<= 130 MB', measured: `${peakMB.toFixed(1)} MB`, met: peakMB <= 130 },
  ];
}

function drillRow(bytes: number, { peakMB, ms }: Pick<Run, 'peakMB' | 'ms'>): Row {
  return {
    figure: `peak RSS of a drill of ${(bytes / 1e6).toFixed(0)} MB of journal, compared with the live one`,
    asked: '<= 130 MB',
    measured: `${peakMB.toFixed(1)} MB, in ${(ms / 1000).toFixed(0)} s`,
    met: peakMB <= 130,
  };
}

/**
 * The figures of backups and restores, encrypted. BENCH_BACKUP_SMALL_DAYS and BENCH_BACKUP_LARGE_DAYS shorten it.
 */
export async function backup(): Promise<Figures> {
  using workplace = new Workplace();
  const identity = await generateX25519Identity();
  const machine = new Machine(workplace, await identityToRecipient(identity));
  const program = influxdProgram();
  fillBacklog(machine.stateDir, SMALL_DAYS * 86_400);
  // The first start compiles the code; it is the installer's.
  await machine.run(machine.directory('warm-up'));
  const small = machine.directory('small');
  const rows = [memoryRow('into a directory', await machine.run(small)), await intoAzure(machine, workplace)];
  const again = await machine.run(small);
  rows.push({
    figure: 'a backup when nothing has changed',
    asked: '<= 2 s and <= 100 kB sent',
    measured: `${(again.ms / 1000).toFixed(2)} s, ${(again.sentBytes / 1000).toFixed(1)} kB`,
    met: again.ms <= 2000 && again.sentBytes <= 100_000,
  });
  rows.push(...(await jitter(machine, workplace)));
  rows.push(weekRow('the journal', await journalWeek(workplace)));
  if (program !== undefined) rows.push(weekRow('InfluxDB', await influxWeek(workplace, program)));
  const moreSeconds = (LARGE_DAYS - SMALL_DAYS) * 86_400;
  fillBacklog(machine.stateDir, moreSeconds, Date.now() - (LARGE_DAYS + 1) * 86_400_000);
  const place = machine.directory('large');
  const large = await machine.run(place);
  rows.push(memoryRow('into a directory', large));
  rows.push(...restoreRows(large.bytes, await machine.restore('large', identity)));
  rows.push(drillRow(large.bytes, await machine.drill(place)));
  return {
    title: 'Figures of backups and restores',
    rows,
    remarks: program === undefined ? ['There was no influxd: its row is missing.'] : [],
    complete: SMALL_DAYS >= 22 && LARGE_DAYS >= 440 && program !== undefined,
  };
}
