import type { DatabaseSync } from 'node:sqlite';
import { GAP_CAUSES, type Gap, type Reading, type Series } from '../readings/reading.ts';
import { seriesOfKey, timeOfKey } from './keys.ts';
import { type LayoutField, parseLayout } from './packing.ts';
import { unseal } from './seal.ts';

export interface ReadingRow {
  key: number;
  layout: number;
  data: Uint8Array;
}

export interface GapRow {
  series: number;
  from_time: number;
  to_time: number;
  cause: Gap['cause'];
}

/** Turns rows of the database into readings and gaps; series and layouts never change, so they are looked up once. */
export class Rows {
  readonly #db: DatabaseSync;
  readonly #layouts = new Map<number, LayoutField[]>();
  readonly #series = new Map<number, Series>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** @throws Error for a row that is damaged, or whose series or layout is */
  reading({ key, layout, data }: ReadingRow): Reading {
    const at = { series: this.series(seriesOfKey(key)), timeMs: timeOfKey(key) };
    return { ...at, values: unseal(at, this.layout(layout), data) };
  }

  /** @throws RangeError for a row that is damaged, as far as that can be seen */
  gap({ series, from_time, to_time, cause }: GapRow): Gap {
    if (!GAP_CAUSES.includes(cause) || to_time < from_time) throw new RangeError('this is no gap');
    return { series: this.series(series), fromMs: from_time, toMs: to_time, cause };
  }

  /** @returns undefined for a series that has no row yet */
  idOf({ measurement, meter, model }: Series): number | undefined {
    const row = this.#db
      .prepare('SELECT id FROM series WHERE measurement = ? AND meter = ? AND model = ?')
      .get(measurement, meter, model);
    return row && Number(row.id);
  }

  /** @throws RangeError when there is none of that id */
  series(id: number): Series {
    const series = this.findSeries(id);
    if (!series) throw new RangeError(`there is no series ${id}`);
    return series;
  }

  /** @returns undefined when there is none of that id, as in a key that is damaged */
  findSeries(id: number): Series | undefined {
    let series = this.#series.get(id);
    if (!series) {
      const row = this.#db.prepare('SELECT measurement, meter, model FROM series WHERE id = ?').get(id);
      if (!row) return undefined;
      series = { ...row } as unknown as Series;
      this.#series.set(id, series);
    }
    return series;
  }

  /** @throws RangeError or SyntaxError when there is none of that id, or it is damaged */
  layout(id: number): LayoutField[] {
    let layout = this.#layouts.get(id);
    if (!layout) {
      const row = this.#db.prepare('SELECT fields FROM layout WHERE id = ?').get(id) as { fields: string } | undefined;
      if (!row) throw new RangeError(`there is no layout ${id}`);
      layout = parseLayout(row.fields);
      this.#layouts.set(id, layout);
    }
    return layout;
  }
}
