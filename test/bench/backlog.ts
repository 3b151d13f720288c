import { Committer } from '../../agent/journal/committer.ts';
import { openForWriting } from '../../agent/journal/database.ts';
import type { Entry } from '../../agent/journal/entry.ts';
import { State } from '../../agent/journal/state.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { hashedRandom } from '../../agent/simulator/random.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';

/** Not the meter that is read meanwhile: its counters would seem to jump. */
const SERIES = { measurement: 'energy', meter: 'another', model: 'we-515' };

/** Readings as a WE-515 gives them, up to a few seconds ago: what a journal holds after an outage. */
export function fillBacklog(
  stateDir: string,
  count: number,
  firstMs = Math.floor(Date.now() / 1000) * 1000 - (count + 5) * 1000,
): void {
  const db = openForWriting(stateDir);
  const committer = new Committer(db, new State(db));
  const decimals = Object.fromEntries(WE_515.fields.map((field) => [field.quantity, field.decimals]));
  const random = (timeMs: number, part: number) => hashedRandom(1, Math.floor(timeMs / 1000), part);
  const at = (timeMs: number) => ({
    activeW: 300 + random(timeMs, 1) * 40 + (Math.floor(timeMs / 600_000) % 5) * 700,
    reactiveVar: 80 + random(timeMs, 2) * 20,
    voltageV: 229 + random(timeMs, 3) * 3,
    frequencyHz: 49.98 + random(timeMs, 4) * 0.04,
  });
  const meter = new VirtualMeter({ model: WE_515, load: { at } }, firstMs);
  for (let from = 0; from < count; from += 2000) {
    const entries: Entry[] = [];
    for (let i = from; i < Math.min(from + 2000, count); i++) {
      const timeMs = firstMs + i * 1000;
      meter.advance(timeMs);
      entries.push({ kind: 'reading', reading: { series: SERIES, timeMs, values: meter.values() }, decimals });
    }
    committer.commit([entries]);
  }
  db.close();
}
