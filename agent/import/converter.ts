import type { ImportedReading } from '../journal/importer.ts';
import type { Values } from '../readings/reading.ts';
import { AgentError } from '../system/errors.ts';
import { BadRecord, shown } from './bad-record.ts';
import { type FoundSeries, isHost, isName, SeriesFinder, type SeriesOptions } from './series-finder.ts';
import type { RawPoint } from './source.ts';
import { isAmbiguous, type Mapping, mapValues, SEED_FIELD, SEED_MAPPING } from './units.ts';

export interface ConverterOptions extends SeriesOptions {
  mapping: Mapping;
  /** True when the person said so: then power_factory proves nothing. */
  unitsAreSaid: boolean;
  nowMs: number;
  /** The journal keeps nothing older. */
  oldestMs?: number | undefined;
}

/** Why a point is left out without being wrong. */
export type LeftOut = 'measurement' | 'empty' | 'old';

/** Before it, a time is a mistake in its precision: seconds read as ms are of January 1970. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
/** A reading of the future would be the newest for ever. Clocks differ a little. */
const AHEAD_MS = 3_600_000;

const UNITS_HINT =
  'say --from-seed when it is of the Python energy-monitor (current in mA, energies in Wh), else --no-from-seed';

/** Makes readings of what sources say. */
export class Converter {
  readonly #options: ConverterOptions;
  readonly #finder: SeriesFinder;
  readonly #goodNames = new Set<string>();
  readonly #seedMapping: Mapping;

  constructor(options: ConverterOptions) {
    this.#options = options;
    this.#finder = new SeriesFinder(options);
    this.#seedMapping = { ...SEED_MAPPING, ...options.mapping };
  }

  /**
   * @throws BadRecord for a point that cannot be a reading
   * @throws AgentError when something has to be said by the person first
   */
  convert(point: RawPoint): ImportedReading | LeftOut {
    const { measurement, nowMs, oldestMs } = this.#options;
    const isHostBeside = isHost(point) && measurement === 'energy';
    if (point.measurement !== measurement && !isHostBeside) return 'measurement';
    const { timeMs } = point;
    if (!(timeMs >= EARLIEST_MS && timeMs <= nowMs + AHEAD_MS)) {
      const date = new Date(timeMs);
      const text = Number.isNaN(date.getTime()) ? 'the time' : `time ${date.toISOString()}`;
      throw new BadRecord(
        `${text} is ${timeMs > nowMs ? 'to come' : 'before 2000'}; is the precision right (--precision)?`,
      );
    }
    if (oldestMs !== undefined && timeMs < oldestMs) return 'old';
    const values = isHost(point) ? point.fields : this.#values(point);
    let some = false;
    for (const name in values) {
      this.#check(name, values[name] ?? Number.NaN);
      some = true;
    }
    if (!some) return 'empty';
    const found = this.#finder.of(point);
    refuseImpossible(values, found);
    const { series, decimals } = found;
    return { reading: { series, timeMs, values }, decimals };
  }

  #values({ fields, tags, isAlone }: RawPoint): Values {
    const { mapping, fromSeed, unitsAreSaid } = this.#options;
    // This agent's own points have a model, or the name as it should be.
    const ours = tags.model !== undefined || 'power_factor' in fields;
    if (!ours && !fromSeed && !unitsAreSaid) {
      if (SEED_FIELD in fields && !(SEED_FIELD in mapping)) {
        throw new AgentError(
          'usage',
          'a point of the Python energy-monitor (power_factory) comes after others without it',
          { hint: UNITS_HINT },
        );
      }
      const unclear = isAlone ? Object.keys(fields).find((name) => isAmbiguous(name, mapping)) : undefined;
      if (unclear !== undefined) {
        throw new AgentError('usage', `${unclear} is alone, so its unit cannot be told`, { hint: UNITS_HINT });
      }
    }
    return mapValues(fields, fromSeed && !ours ? this.#seedMapping : mapping);
  }

  #check(name: string, value: number): void {
    if (!Number.isFinite(value)) throw new BadRecord(`${shown(name)} is ${value}`);
    if (this.#goodNames.has(name)) return;
    if (!isName(name)) throw new BadRecord(`${shown(name)} is no name of a quantity`);
    this.#goodNames.add(name);
  }
}

function refuseImpossible(values: Values, { limits, series }: FoundSeries): void {
  if (!limits) return;
  for (const name in values) {
    const limit = limits[name];
    const value = values[name] ?? Number.NaN;
    if (limit === undefined || (value >= limit.min && value <= limit.max)) continue;
    throw new BadRecord(
      `${name} is ${value}, possible for model ${series.model} is ${limit.min} to ${limit.max}; is the unit right (--from-seed, --map)?`,
    );
  }
}
