import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/** Below the thread that reads the meters, for the cores that both want. */
const NICER = 10;

/** Gives way to what reads the meters: for commands that take long and may take longer. */
export function giveWay(): void {
  try {
    setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // Where that is not allowed, it runs as it is.
  }
}

/** The same for this thread alone: Linux counts nice by thread (sched(7)), and tells a thread its own id. */
export function yieldToOthers(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(19, getPriority(thread) + NICER));
  } catch {
    // It works without as well.
  }
}
