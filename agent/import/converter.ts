import type { ImportedReading } from '../journal/importer.ts';
import type { Series, Values } from '../readings/reading.ts';
import { AgentError } from '../system/errors.ts';
import { BadRecord, shown } from './bad-record.ts';
import type { RawPoint } from './source.ts';
import { decimalsOf, type Mapping, mapValues, SEED_FIELD, SEED_MAPPING, SEED_MODEL } from './units.ts';

export interface ConverterOptions {
  /** For points that name none. */
  meter?: string | undefined;
  model?: string | undefined;
  /** Measurement of the source that is taken for `energy`. */
  measurement: string;
  mapping: Mapping;
  fromSeed: boolean;
  /** True when the person said so: then power_factory proves nothing. */
  unitsAreSaid: boolean;
  nowMs: number;
  /** The journal keeps nothing older. */
  oldestMs?: number | undefined;
  /** Models under which a meter is in the journal. */
  modelsOf: (measurement: string, meter: string) => string[];
}

/** Why a point is left out without being wrong. */
export type LeftOut = 'measurement' | 'empty' | 'old';

/** Before it, a time is a mistake in its precision: seconds read as ms are of January 1970. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
/** A reading of the future would be the newest for ever. Clocks differ a little. */
const AHEAD_MS = 3_600_000;
/** The journal holds about 1000 series, for ever: a wrong column must not use them up. */
const MOST_SERIES = 64;

/** Makes readings of what sources say. */
export class Converter {
  readonly #options: ConverterOptions;
  readonly #series = new Map<string, { series: Series; decimals: Readonly<Record<string, number>> }>();
  readonly #goodNames = new Set<string>();
  readonly #seedMapping: Mapping;

  constructor(options: ConverterOptions) {
    this.#options = options;
    this.#seedMapping = { ...SEED_MAPPING, ...options.mapping };
  }

  /**
   * @throws BadRecord for a point that cannot be a reading
   * @throws AgentError when something has to be said by the person first
   */
  convert(point: RawPoint): ImportedReading | LeftOut {
    const { measurement, nowMs, oldestMs } = this.#options;
    const isHost = point.measurement === 'host' && measurement === 'energy';
    if (point.measurement !== measurement && !isHost) return 'measurement';
    const { timeMs } = point;
    if (!(timeMs >= EARLIEST_MS && timeMs <= nowMs + AHEAD_MS)) {
      const date = new Date(timeMs);
      const text = Number.isNaN(date.getTime()) ? 'the time' : `time ${date.toISOString()}`;
      throw new BadRecord(
        `${text} is ${timeMs > nowMs ? 'to come' : 'before 2000'}; is the precision right (--precision)?`,
      );
    }
    if (oldestMs !== undefined && timeMs < oldestMs) return 'old';
    const values = this.#values(point);
    let some = false;
    for (const name in values) {
      this.#check(name, values[name] ?? Number.NaN);
      some = true;
    }
    if (!some) return 'empty';
    const { series, decimals } = this.#seriesOf(isHost ? 'host' : 'energy', point);
    return { reading: { series, timeMs, values }, decimals };
  }

  #values({ fields, model }: RawPoint): Values {
    const { mapping, fromSeed, unitsAreSaid } = this.#options;
    // This agent's own points have a model, or the name as it should be.
    const ours = model !== undefined || 'power_factor' in fields;
    if (!ours && !fromSeed && !unitsAreSaid && SEED_FIELD in fields && !(SEED_FIELD in mapping)) {
      throw new AgentError(
        'usage',
        'a point of the Python energy-monitor (power_factory) comes after others without it',
        {
          hint: 'say --from-seed when all are of it (current in mA, energies in Wh), else --no-from-seed',
        },
      );
    }
    return mapValues(fields, fromSeed && !ours ? this.#seedMapping : mapping);
  }

  #check(name: string, value: number): void {
    if (!Number.isFinite(value)) throw new BadRecord(`${shown(name)} is ${value}`);
    if (this.#goodNames.has(name)) return;
    if (!isName(name)) throw new BadRecord(`${shown(name)} is no name of a quantity`);
    this.#goodNames.add(name);
  }

  #seriesOf(measurement: string, point: RawPoint) {
    const meter = point.meter ?? this.#options.meter;
    if (meter === undefined) {
      throw new AgentError('usage', 'the data does not say which meter it is of', {
        hint: 'name it, such as --meter house',
      });
    }
    const key = `${measurement}\n${meter}\n${point.model ?? ''}`;
    const known = this.#series.get(key);
    if (known) return known;
    if (!isName(meter)) throw new BadRecord(`${shown(meter)} is no name of a meter`);
    const model = point.model ?? this.#modelOf(measurement, meter);
    if (model !== '' && !isName(model)) throw new BadRecord(`${shown(model)} is no name of a model`);
    if (this.#series.size >= MOST_SERIES) {
      throw new AgentError('usage', `the data names more than ${MOST_SERIES} meters`, {
        hint: 'is it the right column or tag?',
      });
    }
    const found = { series: { measurement, meter, model }, decimals: decimalsOf(model) };
    this.#series.set(key, found);
    return found;
  }

  #modelOf(measurement: string, meter: string): string {
    const { model, fromSeed, modelsOf } = this.#options;
    if (model !== undefined) return model;
    if (fromSeed) return SEED_MODEL;
    const models = modelsOf(measurement, meter);
    if (models.length === 1 && models[0] !== undefined) return models[0];
    if (measurement === 'host') return '';
    throw new AgentError('usage', `the data does not say which model meter ${meter} is`, {
      hint: `name it, such as --model ${models[0] ?? 'we-515'}${models.length > 1 ? `; the journal has ${models.join(', ')}` : ''}`,
    });
  }
}

/** What InfluxDB's line protocol can carry, and a person can read. */
function isName(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line end would break the line that forwarding writes
  return text.length > 0 && text.length <= 200 && !/[\u0000-\u001f\u007f\\]/.test(text) && !text.startsWith('_');
}
