import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { offsetOf } from '../../agent/system/clock.ts';
import { RELEASED_MS, systemEvidence } from '../../agent/system/clock-state.ts';
import { askKernel, KernelClock } from '../../agent/system/kernel-clock.ts';
import { REPOSITORY, runScript } from '../support/child.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const NOW_MS = Date.now();
const HOUR = 3_600_000;

/** A machine as its files tell it. */
function machine(): {
  root: string;
  timesyncd: (touchedMs?: number) => void;
  rtc: (name: string, text: string) => void;
} {
  const root = temporaryDirectory();
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  return {
    root,
    timesyncd: (touchedMs) => {
      mkdirSync(join(root, 'run/systemd/timesync'), { recursive: true });
      if (touchedMs === undefined) return;
      write('run/systemd/timesync/synchronized', '');
      utimesSync(join(root, 'run/systemd/timesync/synchronized'), touchedMs / 1000, touchedMs / 1000);
    },
    rtc: (name, text) => write(`sys/class/rtc/${name}/since_epoch`, text),
  };
}

test('timesyncd says by a file that a server has answered since the boot, or since the clock was set', () => {
  const { root, timesyncd } = machine();
  timesyncd();
  const { synchronized } = systemEvidence(root);
  expect(synchronized()).toBe(false);
  timesyncd(NOW_MS - HOUR);
  expect(synchronized()).toBe(true);
  expect(synchronized(NOW_MS - 2 * HOUR)).toBe(true);
  // Set forward by hand: the answer was before.
  expect(synchronized(NOW_MS)).toBe(false);
  // Set back by hand: the file lies in the future.
  timesyncd(NOW_MS + HOUR);
  expect(synchronized(NOW_MS - HOUR)).toBe(false);
});

test('without timesyncd the kernel is asked, which needs no rights and is never in the way', async () => {
  const { synchronized } = systemEvidence(temporaryDirectory());
  expect(synchronized()).toBe(false);
  const child = runScript(join(REPOSITORY, 'agent/system/kernel-clock-child.ts'), []);
  expect(await child.ended).toBe(0);
  const answer = child.output();
  expect(['yes', 'no']).toContain(answer);
  if (answer === 'yes') await expect.poll(() => synchronized(), { timeout: 20_000 }).toBe(true);
});

test.for([
  ['echo yes', true],
  ['echo no', false],
] as const)('timedated is asked first, which a unit may: %s', async ([script, answer]) => {
  const bin = temporaryDirectory();
  writeFileSync(
    join(bin, 'timedatectl'),
    `#!/bin/sh\n[ "$*" = "show --property=NTPSynchronized --value" ] && ${script}\n`,
    {
      mode: 0o755,
    },
  );
  expect(await askKernel({ PATH: bin })).toBe(answer);
});

test('where timedated cannot be asked, the kernel is', async () => {
  const child = runScript(join(REPOSITORY, 'agent/system/kernel-clock-child.ts'), []);
  await child.ended;
  expect(await askKernel({ PATH: temporaryDirectory() })).toBe(child.output() === 'yes');
});

test('an answer of the kernel counts for the clock as it is set now, and is asked for seldom', async () => {
  let nowMs = 0;
  let asked = 0;
  const kernel = new KernelClock(
    async () => ++asked !== 2,
    () => nowMs,
  );
  const answer = async (sinceMs?: number) => {
    kernel.synchronized(sinceMs);
    await Promise.resolve();
    return kernel.synchronized(sinceMs);
  };
  expect(await answer()).toBe(true);
  expect(await answer(5)).toBe(false);
  nowMs = 9000;
  expect(await answer(5)).toBe(false);
  expect(asked).toBe(2);
  nowMs = 11_000;
  expect(await answer(5)).toBe(true);
  expect(asked).toBe(3);
  // Nobody answers for hours: then it is asked each ten minutes.
  for (; nowMs < 7_200_000; nowMs += 1000) await answer(5);
  expect(asked).toBeLessThan(80);
});

test.each([
  ['agrees', [['rtc0', `${Math.round(NOW_MS / 1000)}\n`]], true],
  ['goes by local time', [['rtc0', `${Math.round((NOW_MS + 5.5 * HOUR) / 1000)}\n`]], true],
  ['has lost its battery and begins in 1970', [['rtc0', '1234\n']], false],
  ['says something else', [['rtc0', `${Math.round((NOW_MS - 20 * HOUR) / 1000)}\n`]], false],
  ['is some minutes beside it', [['rtc0', `${Math.round((NOW_MS - 340_000) / 1000)}\n`]], false],
  ['cannot be read', [['rtc0', '']], false],
  [
    'is one of two, of which the other has no battery',
    [
      ['rtc0', '7\n'],
      ['rtc1', `${Math.round(NOW_MS / 1000)}`],
    ],
    true,
  ],
  ['is not there', [], false],
] as const)('a real-time clock that %s', (_, clocks, kept) => {
  const { root, rtc } = machine();
  for (const [name, text] of clocks) rtc(name, text);
  expect(systemEvidence(root).keptByHardware(NOW_MS)).toBe(kept);
});

test('this version is no older than its clock believes', () => {
  expect(RELEASED_MS).toBeLessThan(NOW_MS);
});

test('all processes of a boot share the time since it', async () => {
  const script = join(temporaryDirectory(), 'boot.mts');
  const agent = join(import.meta.dirname, '../../agent/system');
  writeFileSync(
    script,
    `import { systemEvidence } from '${agent}/clock-state.ts';
     const { boot, bootMs } = systemEvidence();
     console.log(JSON.stringify({ boot, upMs: bootMs + performance.now() }));`,
  );
  const before = systemEvidence();
  const child = runScript(script, []);
  await child.ended;
  const { boot, upMs } = JSON.parse(child.output()) as { boot: string; upMs: number };
  expect(boot).toBe(before.boot);
  expect(upMs).toBeGreaterThan(before.bootMs);
  expect(upMs).toBeLessThan(before.bootMs + performance.now());
});

test('a process that is held up between two looks at the clocks sees no step', () => {
  const clock = new FakeClock(NOW_MS);
  const expected = offsetOf(clock);
  let stalls = 2;
  const monotonicMs = clock.monotonicMs;
  clock.monotonicMs = () => {
    if (stalls-- > 0) clock.pass(700);
    return monotonicMs();
  };
  expect(offsetOf(clock)).toBe(expected);
});
