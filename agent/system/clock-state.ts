import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from './clock.ts';
import { KernelClock } from './kernel-clock.ts';

/** No clock that is right can be before this version of the agent. */
export const RELEASED_MS = Date.UTC(2026, 10, 1);

/** What speaks for a machine's clock. */
export interface ClockEvidence {
  /** The kernel's id of this boot; a random one where it has none. */
  readonly boot: string;
  /** What the monotonic clock lacks to the time since the boot, which all processes of a boot share. */
  readonly bootMs: number;
  /**
   * Has a time server's answer set this clock, since the boot or since the wall clock's `sinceMs`? Where only the kernel
   * knows, it is asked meanwhile: no, until its answer is there.
   */
  synchronized(sinceMs?: number): boolean;
  /** Is there a real-time clock that says the same? */
  keptByHardware(wallMs: number): boolean;
}

/** systemd-timesyncd's directory while it runs; it touches the file with each answer of a server (its manual page). */
const TIMESYNC = 'run/systemd/timesync';
const FUTURE_MS = 1000;
/** Between the answer and its file, and until the step is noticed here. */
const TOUCH_MS = 10_000;

/** RTCs of machines with a second system go by local time: at most 15 h, and quarters of an hour, beside UTC. */
const ZONE_STEP_MS = 900_000;
const FURTHEST_ZONE_MS = 15 * 3_600_000;
const RTC_TOLERANCE_MS = 60_000;

/**
 * The evidence of this machine; needs no rights. A clock that is unsynchronised is not wrong for that: a
 * machine with a real-time clock, and a virtual one, may never be anything else.
 * @param root where /proc, /run and /sys are
 */
export function systemEvidence(root = '/'): ClockEvidence {
  const directory = join(root, TIMESYNC);
  const kernel = new KernelClock();
  return {
    boot: read(join(root, 'proc/sys/kernel/random/boot_id')) ?? randomUUID(),
    // Both are CLOCK_MONOTONIC; performance.now() begins with the process.
    bootMs: Number(process.hrtime.bigint()) / 1e6 - systemClock.monotonicMs(),
    synchronized: (sinceMs) => {
      const touchedMs = statSync(join(directory, 'synchronized'), { throwIfNoEntry: false })?.mtimeMs;
      if (touchedMs !== undefined && (sinceMs === undefined || touchedSince(touchedMs, sinceMs))) return true;
      // Where timesyncd runs, the kernel knows nothing that it does not.
      return existsSync(directory) ? false : kernel.synchronized(sinceMs);
    },
    keptByHardware: (wallMs) => {
      const clocks = list(join(root, 'sys/class/rtc'));
      return clocks.some((name) => agrees(Number(read(join(root, 'sys/class/rtc', name, 'since_epoch'))), wallMs));
    },
  };
}

/** A clock that was set back leaves the file in the future. */
function touchedSince(touchedMs: number, sinceMs: number): boolean {
  return touchedMs >= sinceMs - TOUCH_MS && touchedMs <= systemClock.wallMs() + FUTURE_MS;
}

/** A Pi 5 has an RTC without a battery: after a power cut it begins in 1970, whatever the system makes of that. */
function agrees(rtcSeconds: number, wallMs: number): boolean {
  const rtcMs = rtcSeconds * 1000;
  if (!(rtcMs >= RELEASED_MS)) return false;
  const differenceMs = Math.abs(rtcMs - wallMs);
  const besideZoneMs = Math.abs(differenceMs - Math.round(differenceMs / ZONE_STEP_MS) * ZONE_STEP_MS);
  return differenceMs <= FURTHEST_ZONE_MS && besideZoneMs <= RTC_TOLERANCE_MS;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
