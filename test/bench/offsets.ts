import { JournalReader } from '../../agent/journal/reader.ts';

/** Start offsets of the readings between two moments, ms. */
export function startOffsets(stateDir: string, fromMs: number, toMs: number): number[] {
  const reader = new JournalReader(stateDir);
  const taken = reader
    .readings({ fromMs, toMs })
    .flatMap(({ values: { start_offset: offset } }) => (offset === undefined ? [] : [offset * 1000]));
  reader.close();
  return taken;
}
