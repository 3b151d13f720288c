import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** No clock that is right can be before this version of the agent. */
const RELEASED_MS = Date.UTC(2026, 10, 1);
const RTC_TOLERANCE_MS = 60_000;
const ASK_MS = 3000;
/** systemd-timesyncd makes the file with the first answer of a server (its manual page). */
const TIMESYNC = 'run/systemd/timesync';

/**
 * Why this machine's clock is not to be taken for right, as a sentence; undefined: a time server has set it, or a clock that
 * goes on without power says the same.
 * @param root where /run and /sys are
 */
export async function clockDoubt(root = '/', nowMs = Date.now()): Promise<string | undefined> {
  const shown = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  if (nowMs < RELEASED_MS) return `the clock of this machine shows ${shown}, before there was this energy-monitor`;
  if (existsSync(join(root, TIMESYNC, 'synchronized')) || agreesWithHardware(join(root, 'sys/class/rtc'), nowMs))
    return undefined;
  // Where timesyncd runs, others know nothing that it does not.
  if (root === '/' && !existsSync(join(root, TIMESYNC)) && (await isSaidSynchronized())) return undefined;
  return 'no time server has set the clock of this machine';
}

function agreesWithHardware(directory: string, nowMs: number): boolean {
  try {
    return readdirSync(directory).some((name) => {
      const rtcMs = Number(readFileSync(join(directory, name, 'since_epoch'), 'utf8')) * 1000;
      return Math.abs(rtcMs - nowMs) <= RTC_TOLERANCE_MS;
    });
  } catch {
    return false;
  }
}

/** chrony, ntpd and others set the kernel's flag, which timedatectl tells. */
function isSaidSynchronized(): Promise<boolean> {
  return new Promise((resolve) => {
    const args = ['show', '--property=NTPSynchronized', '--value'];
    execFile('timedatectl', args, { timeout: ASK_MS }, (error, stdout) => resolve(!error && stdout.trim() === 'yes'));
  });
}
