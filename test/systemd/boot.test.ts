import { expect, test } from 'vitest';
import { installedPi, requireNspawn } from '../support/guests.ts';
import { COLLECTOR, RUNNING } from '../support/nspawn-pi.ts';

// The first one on a machine makes the root file system. The full counts are in the files beside this one.
test(
  'under a real systemd: the collector starts with the machine, and readings flow',
  { timeout: 300_000 },
  async (context) => {
    await requireNspawn(context, 'bookworm');
    const { pi } = await installedPi('bookworm');
    const before = await pi.moreReadings(1);
    expect(await pi.guest.reboot()).toBe('running');
    await pi.until(COLLECTOR, RUNNING);
    expect((await pi.moreReadings(2)).slice(0, before.length)).toEqual(before);
  },
);
