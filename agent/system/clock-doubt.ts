import { setTimeout as sleep } from 'node:timers/promises';
import { type ClockEvidence, RELEASED_MS, systemEvidence } from './clock-state.ts';

/** The kernel's answer comes from a process that has to start first. */
const WAIT_MS = 4000;
const LOOK_MS = 100;

/**
 * Why this machine's clock is not to be taken for right, as a sentence; undefined: a time server has set it, or a clock that
 * goes on without power says the same. Unlike the collector, which waits, this asks once.
 */
export async function clockDoubt(
  evidence: ClockEvidence = systemEvidence(),
  nowMs = Date.now(),
  waitMs = WAIT_MS,
): Promise<string | undefined> {
  const shown = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  if (nowMs < RELEASED_MS) return `the clock of this machine shows ${shown}, before there was this energy-monitor`;
  if (evidence.keptByHardware(nowMs)) return undefined;
  const untilMs = performance.now() + waitMs;
  for (;;) {
    if (evidence.synchronized()) return undefined;
    if (performance.now() > untilMs) return 'no time server has set the clock of this machine';
    await sleep(LOOK_MS);
  }
}
