import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { damageIn, requireOrder } from '../journal/damage.ts';
import { type Guarded, guardedReads } from '../journal/damage-note.ts';
import type { Entry } from '../journal/entry.ts';
import { firstKeyAt, seriesOfKey, timeOfKey } from '../journal/keys.ts';
import { layoutOf } from '../journal/packing.ts';
import { Rows } from '../journal/rows.ts';
import { requireSeal } from '../journal/seal.ts';
import { type Series, seriesKey } from '../readings/reading.ts';
import { type RawField, rawFields, unpackRaw } from './raw-layout.ts';

/** A reading of the journal as it is added up. */
export interface RawReading {
  series: Series;
  /** seriesKey() of it. */
  key: string;
  timeMs: number;
  fields: readonly RawField[];
  /** By field: value * 10^decimals, or the value where that is null; NaN where it is absent. Another's after the next. */
  numbers: Float64Array;
}

export interface RawOptions {
  /** What is not in the database yet, and counts as well. */
  waiting?: readonly Entry[];
  /** By default all series. */
  wants?: (series: Series) => boolean;
  /** Told of a row that cannot be read; it is left out. */
  onDamaged?: (key: number, error: unknown) => void;
}

const MOST_FIELDS = 1024;

type Row = [key: number, layout: number, hex: string];

/** The journal's readings in packed numbers: of years there are billions, so nothing is made for each that lasts. */
export class RawReadings {
  readonly #guarded: Guarded;
  readonly #rows: Rows;
  readonly #select: StatementSync;
  readonly #waiting: readonly RawReading[];
  readonly #wants: (series: Series) => boolean;
  readonly #onDamaged: ((key: number, error: unknown) => void) | undefined;
  readonly #layouts = new Map<number, RawField[]>();
  readonly #keys = new Map<number, string>();

  /** @throws AgentError when the journal cannot be read */
  constructor(db: DatabaseSync, { waiting = [], wants = () => true, onDamaged }: RawOptions = {}) {
    this.#guarded = guardedReads(dirname(db.location() ?? ''));
    this.#rows = new Rows(db);
    // The end is not SQLite's to find: at a key in which a bit has flipped it would end before those that follow.
    this.#select = db.prepare('SELECT key, layout, hex(data) AS data FROM reading WHERE key >= ? ORDER BY key');
    this.#select.setReturnArrays(true);
    this.#wants = wants;
    this.#waiting = waiting.flatMap(waitingReading).filter(({ series }) => wants(series));
    this.#onDamaged = onDamaged;
  }

  /** Ordered by time. @param toMs UTC, excluded */
  *between(fromMs: number, toMs: number): Generator<RawReading> {
    const waiting = this.#waiting.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs);
    if (waiting.length === 0) {
      yield* this.#committed(fromMs, toMs);
      return;
    }
    // Before the first of them there is nothing to put in order.
    const firstMs = waiting.reduce((ms, { timeMs }) => Math.min(ms, timeMs), toMs);
    yield* this.#committed(fromMs, firstMs);
    const all = new Map<string, RawReading>();
    for (const reading of this.#committed(firstMs, toMs))
      all.set(idOf(reading), { ...reading, numbers: reading.numbers.slice(0, reading.fields.length) });
    for (const reading of waiting) if (!all.has(idOf(reading))) all.set(idOf(reading), reading);
    yield* [...all.values()].sort((a, b) => a.timeMs - b.timeMs);
  }

  *#committed(fromMs: number, toMs: number): Generator<RawReading> {
    const numbers = new Float64Array(MOST_FIELDS);
    const endKey = firstKeyAt(toMs);
    let before = 0;
    for (const [key, layout, hex] of this.#select.iterate(firstKeyAt(fromMs)) as unknown as Iterable<Row>) {
      if (key <= before) this.#guarded(() => requireOrder(before, key));
      before = key;
      const id = seriesOfKey(key);
      const timeMs = timeOfKey(key);
      let fields: RawField[];
      let series: Series;
      try {
        fields = this.#fieldsOf(layout);
        series = this.#rows.series(id);
        // Where the end is says only a reading that is as it was written.
        if (key < endKey && !this.#wants(series)) continue;
        requireSeal({ series, timeMs }, this.#rows.layout(layout), hex);
        unpackRaw(fields, hex, numbers);
      } catch (error) {
        if (damageIn(error) !== 'no') throw error;
        this.#onDamaged?.(key, error);
        continue;
      }
      if (key >= endKey) return;
      yield { series, key: this.#keyOf(id), timeMs, fields, numbers };
    }
  }

  #fieldsOf(layout: number): RawField[] {
    let fields = this.#layouts.get(layout);
    if (!fields) {
      fields = rawFields(this.#rows.layout(layout));
      this.#layouts.set(layout, fields);
    }
    return fields;
  }

  #keyOf(id: number): string {
    let key = this.#keys.get(id);
    if (key === undefined) {
      key = seriesKey(this.#rows.series(id));
      this.#keys.set(id, key);
    }
    return key;
  }
}

const idOf = ({ key, timeMs }: RawReading) => `${key}${timeMs}`;

function waitingReading(entry: Entry): RawReading[] {
  if (entry.kind !== 'reading') return [];
  const { series, timeMs, values } = entry.reading;
  const fields = rawFields(layoutOf(values, entry.decimals));
  const numbers = Float64Array.from(fields, ({ name, decimals }) => {
    const value = values[name] ?? Number.NaN;
    return decimals === null ? value : Math.round(value * 10 ** decimals);
  });
  return [{ series, key: seriesKey(series), timeMs, fields, numbers }];
}
