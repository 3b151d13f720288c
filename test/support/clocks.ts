import type { ClockEvidence } from '../../agent/system/clock-state.ts';

/** Evidence that a test gives. */
export class FakeEvidence implements ClockEvidence {
  boot = 'boot-1';
  bootMs = 0;
  isSynchronized = false;
  hasRtc = false;
  /** What it was asked for. */
  sinceMs: (number | undefined)[] = [];

  synchronized = (sinceMs?: number): boolean => {
    this.sinceMs.push(sinceMs);
    return this.isSynchronized;
  };

  keptByHardware = (): boolean => this.hasRtc;
}

export const DAY_MS = 86_400_000;
/** A moment when the clocks of the tests are right: 2026-11-21T12:00:00Z. */
export const NOON_MS = Date.UTC(2026, 10, 21, 12);
