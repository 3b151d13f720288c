import type { Zone } from '../../system/zone.ts';
import { badParameter } from './problem.ts';

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const EPOCH_MS = /^\d{12,14}$/;

/** The parameters behind the question mark; each that is asked for is checked, what nobody asks for is a mistake. */
export class Query {
  readonly #given: URLSearchParams;
  readonly #known = new Set<string>();

  constructor(given: URLSearchParams) {
    this.#given = given;
  }

  /** @throws Problem 400 where it stands there twice */
  text(name: string): string | undefined {
    const all = this.all(name);
    if (all.length > 1) throw badParameter(name, `give ${name} once`);
    return all[0];
  }

  /** Each value of a parameter that may stand there several times. */
  all(name: string): string[] {
    this.#known.add(name);
    return this.#given.getAll(name);
  }

  /** `true` or `false`. */
  flag(name: string): boolean {
    return this.choice(name, ['true', 'false']) === 'true';
  }

  choice<const T extends string>(name: string, choices: readonly T[]): T | undefined {
    const given = this.text(name);
    if (given === undefined) return undefined;
    const found = choices.find((choice) => choice === given);
    if (found === undefined) throw badParameter(name, `use one of ${choices.join(', ')} for ${name}`);
    return found;
  }

  wholeNumber(name: string, least: number, most: number): number | undefined {
    const given = this.text(name);
    if (given === undefined) return undefined;
    const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw badParameter(name, `use a whole number from ${least} to ${most} for ${name}`);
    }
    return value;
  }

  /** A date (its beginning in the zone), a moment with its offset, or milliseconds since 1970. @returns UTC ms */
  time(name: string, zone: Zone): number | undefined {
    const given = this.text(name);
    if (given === undefined) return undefined;
    const timeMs = timeOf(given, zone);
    if (timeMs === undefined) {
      throw badParameter(
        name,
        `write ${name} as 2026-10-25, 2026-10-25T12:00:00Z, 2026-10-25T12:00:00+02:00 (+ as %2B) or milliseconds since 1970`,
      );
    }
    return timeMs;
  }

  /** @throws Problem 400 for a parameter that nobody has asked for. To be called last */
  end(): void {
    for (const name of this.#given.keys()) {
      if (this.#known.has(name)) continue;
      const known = [...this.#known];
      const hint = known.length === 0 ? 'there are none here' : `there are ${known.join(', ')}`;
      throw badParameter(name, `no parameter has this name; ${hint}`);
    }
  }
}

function timeOf(given: string, zone: Zone): number | undefined {
  const date = DATE.exec(given);
  if (date) {
    const [year, month, day] = date.slice(1).map(Number) as [number, number, number];
    const localMs = Date.UTC(year, month - 1, day);
    const isDate = new Date(localMs).toISOString().startsWith(given);
    return isDate ? zone.firstAt(localMs) : undefined;
  }
  if (EPOCH_MS.test(given)) return Number(given);
  if (!INSTANT.test(given)) return undefined;
  const timeMs = Date.parse(given);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
