import type { DatabaseSync } from 'node:sqlite';
import { type Series, seriesKey } from '../readings/reading.ts';
import { AgentError } from '../system/errors.ts';
import { SERIES_SLOTS } from './keys.ts';
import { formatLayout, type LayoutField } from './packing.ts';

/** The ids of series and layouts, created on first use. */
export class Catalogue {
  readonly #db: DatabaseSync;
  readonly #series = new Map<string, number>();
  readonly #layouts = new Map<string, number>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  has(series: Series): boolean {
    return this.#series.has(seriesKey(series));
  }

  seriesId(series: Series): number {
    const key = seriesKey(series);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const { measurement, meter, model } = series;
    this.#db
      .prepare('INSERT OR IGNORE INTO series (measurement, meter, model) VALUES (?, ?, ?)')
      .run(measurement, meter, model);
    const { id } = this.#db
      .prepare('SELECT id FROM series WHERE measurement = ? AND meter = ? AND model = ?')
      .get(measurement, meter, model) as { id: number };
    if (id >= SERIES_SLOTS) throw new AgentError('storage', `the journal holds ${SERIES_SLOTS - 1} series already`);
    this.#series.set(key, id);
    return id;
  }

  layoutId(layout: readonly LayoutField[]): number {
    const fields = formatLayout(layout);
    const known = this.#layouts.get(fields);
    if (known !== undefined) return known;
    this.#db.prepare('INSERT OR IGNORE INTO layout (fields) VALUES (?)').run(fields);
    const row = this.#db.prepare('SELECT id FROM layout WHERE fields = ?').get(fields) as { id: number };
    this.#layouts.set(fields, row.id);
    return row.id;
  }

  /** Forgets what a rolled-back transaction may have created. */
  forget(): void {
    this.#series.clear();
    this.#layouts.clear();
  }
}
