import type { HeldGroup } from '../../agent/journal/held.ts';
import { JournalReader } from '../../agent/journal/reader.ts';

/** What a journal holds. */
export function heldOf(stateDir: string): HeldGroup[] {
  const reader = new JournalReader(stateDir);
  try {
    return reader.held();
  } finally {
    reader.close();
  }
}
