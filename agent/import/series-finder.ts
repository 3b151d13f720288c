import { type Series, seriesKey } from '../readings/reading.ts';
import { AgentError } from '../system/errors.ts';
import { BadRecord, shown } from './bad-record.ts';
import { type Limits, limitsOf } from './limits.ts';
import type { RawPoint, Tags } from './source.ts';
import { decimalsOf, SEED_MODEL } from './units.ts';

export interface SeriesOptions {
  /** For points that name none. */
  meter?: string | undefined;
  model?: string | undefined;
  /** Tag (or column) with the meter's name; undefined for `meter`. */
  meterTag?: string | undefined;
  /** The person said that points whose other tags differ are of one meter nevertheless. */
  oneMeter?: boolean | undefined;
  /** Measurement of the source that is asked for. */
  measurement: string;
  fromSeed: boolean;
  /** Models under which a meter is in the journal. */
  modelsOf: (measurement: string, meter: string) => string[];
  /** Is added to. */
  origins: Origins;
}

/** The other tags that each series came with, as text, by its key. Kept with an import's mark. */
export type Origins = Record<string, string>;

export interface FoundSeries {
  /** Measurement of the source. */
  measurement: string;
  series: Series;
  decimals: Readonly<Record<string, number>>;
  /** Undefined for machines: what they measure has no bounds here. */
  limits: Limits | undefined;
}

/** The journal holds about 1000 series, for ever: a wrong column must not use them up. */
const MOST_SERIES = 64;

/** Series of measurement `host` are machines, those of all others meters (influxdb/line-protocol.ts). */
export function isHost(point: Pick<RawPoint, 'measurement'>): boolean {
  return point.measurement === 'host';
}

/** Says to which series a point belongs. */
export class SeriesFinder {
  readonly #options: SeriesOptions;
  /** Sources give the same object for the same tags, where that is cheap. */
  readonly #byTags = new WeakMap<Tags, FoundSeries>();
  readonly #found = new Map<string, FoundSeries>();

  constructor(options: SeriesOptions) {
    this.#options = options;
  }

  /**
   * @throws BadRecord for names that nothing can have
   * @throws AgentError when the person has to say which meter or model it is
   */
  of(point: RawPoint): FoundSeries {
    const { tags, measurement } = point;
    const known = this.#byTags.get(tags);
    if (known?.measurement === measurement) return known;
    const found = this.#find(point);
    this.#byTags.set(tags, found);
    return found;
  }

  #find(point: RawPoint): FoundSeries {
    const { tags, measurement } = point;
    const nameTag = isHost(point) ? 'host' : (this.#options.meterTag ?? 'meter');
    // What the person says is said of the measurement that is asked for.
    const said: Partial<SeriesOptions> = measurement === this.#options.measurement ? this.#options : {};
    const meter = tags[nameTag] ?? said.meter;
    if (meter === undefined) {
      throw new AgentError('usage', `the data does not say which ${isHost(point) ? 'machine' : 'meter'} it is of`, {
        hint: 'name it, such as --meter house, or the tag that does, such as --meter-tag location',
      });
    }
    if (!isName(meter)) throw new BadRecord(`${shown(meter)} is no name of a meter`);
    const { model = said.model ?? this.#modelOf(point, meter) } = tags;
    if (model !== '' && !isName(model)) throw new BadRecord(`${shown(model)} is no name of a model`);
    const series = { measurement: isHost(point) ? 'host' : 'energy', meter, model };
    this.#refuseMerging(series, otherTags(tags, [nameTag, 'model']));
    const key = `${measurement}\n${seriesKey(series)}`;
    const known = this.#found.get(key);
    if (known) return known;
    if (this.#found.size >= MOST_SERIES) {
      throw new AgentError('usage', `the data names more than ${MOST_SERIES} meters`, {
        hint: 'is it the right column or tag?',
      });
    }
    const limits = isHost(point) ? undefined : limitsOf(model);
    const found = { measurement, series, decimals: decimalsOf(model), limits };
    this.#found.set(key, found);
    return found;
  }

  #modelOf(point: RawPoint, meter: string): string {
    const { fromSeed, modelsOf } = this.#options;
    const models = modelsOf(isHost(point) ? 'host' : 'energy', meter);
    if (models.length === 1 && models[0] !== undefined) return models[0];
    if (isHost(point)) return '';
    if (fromSeed && models.length === 0) return SEED_MODEL;
    throw new AgentError('usage', `the data does not say which model meter ${meter} is`, {
      hint: `name it, such as --model ${models[0] ?? SEED_MODEL}${models.length > 1 ? `; the journal has ${models.join(', ')}` : ''}`,
    });
  }

  /** Two meters under one name would become one for ever: nothing tells their readings apart afterwards. */
  #refuseMerging(series: Series, others: Tags): void {
    const { origins, oneMeter } = this.#options;
    const text = tagsText(others);
    const key = seriesKey(series);
    const before = origins[key] ?? text;
    origins[key] = before;
    if (before === text || oneMeter) return;
    const tag = Object.keys(others).find((name) => !before.split(', ').includes(`${name}=${others[name]}`));
    throw new AgentError('usage', `points with ${before} and with ${text} would both become meter ${series.meter}`, {
      hint: `take the meter's name from a tag, such as --meter-tag ${tag ?? 'location'}, or say --one-meter when all are of one`,
    });
  }
}

function otherTags(tags: Tags, without: readonly string[]): Tags {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => !without.includes(name)));
}

function tagsText(tags: Tags): string {
  const parts = Object.entries(tags).map(([name, value]) => `${name}=${value}`);
  return parts.length === 0 ? 'no other tag' : parts.sort().join(', ');
}

/** What InfluxDB's line protocol can carry, and a person can read. */
export function isName(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line end would break the line that forwarding writes
  return text.length > 0 && text.length <= 200 && !/[\u0000-\u001f\u007f\\]/.test(text) && !text.startsWith('_');
}
