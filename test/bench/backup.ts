import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { plainEnvelope } from '../../agent/backup/envelope.ts';
import { Repository } from '../../agent/backup/repository.ts';
import { runBackup } from '../../agent/backup/run.ts';
import { JournalSource } from '../../agent/backup/sources/journal.ts';
import { createLogger } from '../../agent/system/logging.ts';
import { fillBacklog } from './backlog.ts';
import { peakRssMB } from './proc.ts';
import type { Figures, Row } from './table.ts';
import { AGENT, Workplace } from './workplace.ts';

const DAYS = Number(process.env.BENCH_BACKUP_DAYS ?? 30);
const WEEK_HOURS = 168;

/** One run of the command line: its peak RSS while it lives, how long it took, what it said. */
async function runOnce(workplace: Workplace, config: string) {
  const startMs = performance.now();
  const child = workplace.agent(['backup', 'run', '--json', '--config', config]);
  let said = '';
  child.stdout?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  let peakMB = 0;
  while (child.exitCode === null) {
    try {
      peakMB = Math.max(peakMB, peakRssMB(child.pid) || 0);
    } catch {
      // It has just ended.
    }
    await sleep(5);
  }
  return { peakMB, ms: performance.now() - startMs, result: JSON.parse(said) as { sentBytes: number; name: string } };
}

/** A week of hours, each backed up: what travelled, and what hourly full copies would have been. */
async function week(workplace: Workplace): Promise<{ sentBytes: number; fullBytes: number }> {
  const stateDir = join(workplace.directory, 'week');
  const store = await DirectoryStore.open(join(workplace.directory, 'week-place'));
  const log = createLogger({ level: 'silent' });
  let [sentBytes, fullBytes] = [0, 0];
  const firstMs = Math.floor(Date.now() / 3_600_000) * 3_600_000 - WEEK_HOURS * 3_600_000;
  for (let hour = 0; hour < WEEK_HOURS; hour++) {
    fillBacklog(stateDir, 3600, firstMs + hour * 3_600_000);
    const { name, sentBytes: sent } = await runBackup({
      stateDir,
      store,
      sources: [new JournalSource(stateDir, Date.now())],
      recipients: [],
      host: 'pi',
      agentVersion: '',
      log,
    });
    const config = await Repository.look(store);
    if (!config) throw new Error('no repository');
    const manifest = await new Repository(store, config, plainEnvelope).manifest(name);
    sentBytes += sent + ((await store.get(name))?.length ?? 0);
    fullBytes += manifest.objects.reduce((sum, { bytes }) => sum + bytes, 0);
  }
  return { sentBytes, fullBytes };
}

/** The figures of backups of the journal, encrypted, into a directory. BENCH_BACKUP_DAYS shortens it. */
export async function backup(): Promise<Figures> {
  using workplace = new Workplace();
  const stateDir = join(workplace.directory, 'state');
  const config = join(workplace.directory, 'config.yaml');
  const recipient = await identityToRecipient(await generateX25519Identity());
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  const place = join(workplace.directory, 'place');
  mkdirSync(place);
  writeFileSync(config, JSON.stringify({ stateDir, meters, backup: { stores: [{ directory: place }], recipient } }));
  fillBacklog(stateDir, DAYS * 86_400);
  // The first start compiles the code; it is the installer's.
  spawnSync(AGENT, ['backup', 'list', '--config', config]);
  const first = await runOnce(workplace, config);
  const again = await runOnce(workplace, config);
  const manifestBytes = (await DirectoryStore.at(place).get(again.result.name))?.length ?? Number.NaN;
  const sentKB = (again.result.sentBytes + manifestBytes) / 1000;
  const { sentBytes, fullBytes } = await week(workplace);
  const rows: Row[] = [
    {
      figure: `peak RSS of the first backup, ${DAYS} days of one meter`,
      asked: '<= 130 MB',
      measured: `${first.peakMB.toFixed(1)} MB, in ${(first.ms / 1000).toFixed(1)} s`,
      met: first.peakMB <= 130,
    },
    {
      figure: 'a backup when nothing has changed',
      asked: '<= 2 s and <= 100 kB sent',
      measured: `${(again.ms / 1000).toFixed(2)} s, ${sentKB.toFixed(1)} kB`,
      met: again.ms <= 2000 && sentKB <= 100,
    },
    {
      figure: 'sent in seven days of hourly backups, against hourly full copies, compressed as well',
      asked: '<= 1/20',
      measured: `1/${(fullBytes / sentBytes).toFixed(1)} (${(sentBytes / 1e6).toFixed(1)} MB instead of ${(fullBytes / 1e6).toFixed(0)} MB)`,
      met: sentBytes * 20 <= fullBytes,
    },
  ];
  return { title: 'Figures of backups of the journal', rows, complete: DAYS >= 30 };
}
