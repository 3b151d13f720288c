import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { journalFile } from '../../agent/journal/database.ts';
import { asideFiles } from '../../agent/journal/set-aside.ts';
import { salvageAll } from '../support/damaged-journal.ts';
import { fillJournal, forward, journalPoints, secondsFrom, sinkConfig } from '../support/forwarding.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, readingAt } from '../support/readings.ts';
import { requireProgram } from '../support/requires.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';

const FIRST = 1_700_000_000;

test('a journal that is replaced while forwarding runs: it goes on in the new one, and what is salvaged follows', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(FIRST, 200));
  const before = journalPoints(stateDir);
  const journal = open(stateDir, { salvage: false });
  onTestFinished(() => journal.close());
  const { log, lines } = recordingLog();
  forward(stateDir, [sinkConfig({ url: server.url })], { runtimeDirectory: journal.runtime.path, log });
  await expect.poll(async () => (await server.points()).size, { timeout: 20_000 }).toBe(before.size);
  // As a reader tells it.
  writeFileSync(join(journal.runtime.path, 'journal.damaged'), journalFile(stateDir) ?? '');
  journal.flush();
  expect(asideFiles(stateDir)).toHaveLength(1);
  for (const second of secondsFrom(FIRST + 1000, 20)) journal.append(readingAt(second * 1000), DECIMALS);
  journal.flush();
  const said = () => lines.some(({ msg }) => String(msg).includes('the journal is another file now'));
  await expect.poll(said, { timeout: 10_000 }).toBe(true);
  salvageAll(stateDir);
  const wanted = journalPoints(stateDir);
  expect(wanted.size).toBe(before.size + 20 * 3);
  await expect.poll(async () => (await server.points()).size, { timeout: 20_000 }).toBe(wanted.size);
  expect(await server.points()).toEqual(wanted);
});
