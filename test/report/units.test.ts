import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { units, unitsIn } from '../../agent/report/units.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** As systemd 252 prints it: in its own order, with empty values, and of units that are not there. */
const SHOWN = `Id=energy-monitor-collector.service
ActiveState=active
LoadState=loaded
UnitFileState=enabled
ActiveEnterTimestamp=Sat 2026-11-21 12:00:00 UTC
Result=success
NRestarts=2

Id=energy-monitor-backup.timer
LastTriggerUSec=Sun 2026-11-22 03:00:05 UTC
Result=success
LoadState=loaded
ActiveState=active
UnitFileState=enabled
ActiveEnterTimestamp=Sat 2026-11-21 12:00:00 UTC

Id=energy-monitor-verify.timer
LastTriggerUSec=
LoadState=loaded
ActiveState=inactive
UnitFileState=disabled
ActiveEnterTimestamp=

Id=energy-monitor-stack.service
LoadState=masked
ActiveState=inactive
UnitFileState=masked

Id=energy-monitor.target
LoadState=not-found
ActiveState=inactive
UnitFileState=
`;

/** A root in which systemd runs and says this. */
function rootWithSystemd(shown: string): string {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  writeFileSync(join(root, 'shown'), shown);
  writeFileSync(join(root, 'usr/bin/systemctl'), `#!/bin/sh\n[ "$TZ" = UTC ] || exit 1\ncat ${root}/shown\nexit 1\n`);
  chmodSync(join(root, 'usr/bin/systemctl'), 0o755);
  return root;
}

test('units as systemd has them; what is not installed is left out', () => {
  expect(units(rootWithSystemd(SHOWN))).toEqual([
    {
      name: 'energy-monitor-collector.service',
      active: 'active',
      result: 'success',
      file: 'enabled',
      restarts: 2,
      sinceMs: Date.UTC(2026, 10, 21, 12),
      ranMs: undefined,
    },
    {
      name: 'energy-monitor-backup.timer',
      active: 'active',
      result: 'success',
      file: 'enabled',
      restarts: 0,
      sinceMs: Date.UTC(2026, 10, 21, 12),
      ranMs: Date.UTC(2026, 10, 22, 3, 0, 5),
    },
    expect.objectContaining({ name: 'energy-monitor-verify.timer', active: 'inactive', file: 'disabled' }),
    expect.objectContaining({ name: 'energy-monitor-stack.service', file: 'masked' }),
  ]);
});

test('without systemd, and where none of them is installed, there are no units', () => {
  expect(units(temporaryDirectory())).toBeUndefined();
  expect(units(rootWithSystemd(''))).toBeUndefined();
  expect(units(rootWithSystemd('Id=energy-monitor-collector.service\nLoadState=not-found\n'))).toBeUndefined();
  expect(unitsIn('Failed to connect to bus\n')).toEqual([]);
});
