import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openForReading, openForWriting } from '../../agent/journal/database.ts';
import { BackgroundSalvage } from '../../agent/journal/salvage/background.ts';
import { salvageProgress } from '../../agent/journal/salvage/progress.ts';
import { makeTemplate } from '../support/damaged-journal.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('a file that cannot be read for good keeps no older one from being salvaged', async () => {
  const { stateDir, readings } = makeTemplate(temporaryDirectory(), 50);
  const older = join(stateDir, 'journal.db.damaged-20260301T120000Z');
  renameSync(join(stateDir, 'journal.db'), older);
  symlinkSync('/nowhere', join(stateDir, 'journal.db.damaged-20260401T120000Z'));
  openForWriting(stateDir).close();
  const db = openForReading(stateDir);
  const salvage = new BackgroundSalvage(stateDir, silentLog, () => {}, 50);
  onTestFinished(() => {
    salvage.end();
    db.close();
  });
  salvage.begin(db);
  await expect
    .poll(() => salvageProgress(db, older), { timeout: 20_000, interval: 50 })
    .toMatchObject({ finishedMs: expect.any(Number), readings: readings.size });
});
