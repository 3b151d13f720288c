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
ActiveEnterTimestamp=@1795262400
Result=success
NRestarts=2

Id=energy-monitor-backup.timer
LastTriggerUSec=@1795316405
Result=success
LoadState=loaded
ActiveState=active
UnitFileState=enabled
ActiveEnterTimestamp=@1795262400

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
  writeFileSync(join(root, 'usr/bin/systemctl'), `#!/bin/sh\necho "$@" > ${root}/asked\ncat ${root}/shown\nexit 1\n`);
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
      sinceMs: 1_795_262_400_000,
      ranMs: undefined,
    },
    {
      name: 'energy-monitor-backup.timer',
      active: 'active',
      result: 'success',
      file: 'enabled',
      restarts: 0,
      sinceMs: 1_795_262_400_000,
      ranMs: 1_795_316_405_000,
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
