import { type Series, seriesKey } from '../../readings/reading.ts';
import { seriesOfKey, timeOfKey } from '../keys.ts';
import { formatLayout, type LayoutField, parseLayout } from '../packing.ts';
import { isSealed, unseal } from '../seal.ts';

/** A reading with what its ids stood for. */
export interface Resolved {
  series: Series;
  timeMs: number;
  layout: LayoutField[];
}

/** Each is a chance of one in four thousand million to believe what is damaged. */
const MOST_TRIALS = 200;

/**
 * What the ids of a damaged journal stood for. An id has more than one meaning when the table and its index tell
 * differently, and none when the page is gone: then the checksum of a reading tells which of those that are known it is.
 */
export class OldCatalogue {
  readonly #series = new Map<number, Series[]>();
  readonly #layouts = new Map<number, LayoutField[][]>();
  readonly #allSeries = new Map<string, Series>();
  readonly #allLayouts = new Map<string, LayoutField[]>();

  /** @param id undefined for one that is known from elsewhere */
  addSeries(id: number | undefined, series: Series): void {
    const key = seriesKey(series);
    const one = this.#allSeries.get(key) ?? series;
    this.#allSeries.set(key, one);
    if (id !== undefined) addTo(this.#series, id, one);
  }

  addLayout(id: number | undefined, fields: string): void {
    const one = this.#allLayouts.get(fields) ?? parseLayout(fields);
    this.#allLayouts.set(fields, one);
    if (id !== undefined) addTo(this.#layouts, id, one);
  }

  /** How many meanings are known: with more of them, what could not be read may be. */
  get size(): number {
    const count = (map: ReadonlyMap<number, unknown[]>) => [...map.values()].reduce((sum, all) => sum + all.length, 0);
    return count(this.#series) + count(this.#layouts) + this.#allSeries.size + this.#allLayouts.size;
  }

  /** The one meaning of an id; undefined for none or several. */
  seriesOf(id: number): Series | undefined {
    const [one, another] = this.#series.get(id) ?? [];
    return another ? undefined : one;
  }

  /**
   * @param intact the reading stands among others that can all be read: without a checksum it is believed there alone
   * @returns undefined for one that is damaged, `unknown` where its series or layout is not known
   */
  resolve(
    { key, layout, data }: { key: number; layout: number; data: Uint8Array },
    intact: boolean,
  ): Resolved | 'unknown' | undefined {
    const timeMs = timeOfKey(key);
    const series = this.#series.get(seriesOfKey(key));
    const layouts = this.#layouts.get(layout);
    const [allSeries, allLayouts] = [[...this.#allSeries.values()], [...this.#allLayouts.values()]];
    const sealed =
      (series && layouts && trial(timeMs, series, layouts, data)) ?? trial(timeMs, allSeries, allLayouts, data);
    if (sealed) {
      addTo(this.#series, seriesOfKey(key), sealed.series);
      addTo(this.#layouts, layout, sealed.layout);
      return sealed;
    }
    if (!series || !layouts) return 'unknown';
    const [[one, otherSeries], [plain, otherLayout]] = [series, layouts];
    if (!intact || !one || !plain || otherSeries || otherLayout || isSealed(plain)) return undefined;
    return fits({ series: one, timeMs }, plain, data) ? { series: one, timeMs, layout: plain } : undefined;
  }

  /** To go on from there after a break, as JSON. */
  toJSON(): { series: [number, Series][]; layouts: [number, string][] } {
    const flat = <T, U>(map: ReadonlyMap<number, T[]>, as: (one: T) => U) =>
      [...map].flatMap(([id, all]) => all.map((one): [number, U] => [id, as(one)]));
    return { series: flat(this.#series, (one) => one), layouts: flat(this.#layouts, formatLayout) };
  }
}

function addTo<T>(map: Map<number, T[]>, id: number, meaning: T): void {
  const there = map.get(id);
  if (!there) map.set(id, [meaning]);
  else if (!there.includes(meaning)) there.push(meaning);
}

/** The meaning for which the checksum matches. */
function trial(
  timeMs: number,
  allSeries: readonly Series[],
  layouts: readonly LayoutField[][],
  data: Uint8Array,
): Resolved | undefined {
  let trials = 0;
  for (const layout of layouts.filter(isSealed)) {
    for (const series of allSeries) {
      if (trials++ >= MOST_TRIALS) return undefined;
      if (fits({ series, timeMs }, layout, data)) return { series, timeMs, layout };
    }
  }
  return undefined;
}

function fits(place: { series: Series; timeMs: number }, layout: LayoutField[], data: Uint8Array): boolean {
  try {
    return Object.values(unseal(place, layout, data)).every(Number.isFinite);
  } catch {
    return false;
  }
}
