import { constants, getPriority, setPriority } from 'node:os';

/** Gives way to what reads the meters: for commands that take long and may take longer. */
export function giveWay(): void {
  try {
    setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // Where that is not allowed, it runs as it is.
  }
}
