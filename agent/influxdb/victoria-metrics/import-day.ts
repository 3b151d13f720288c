import { AgentError } from '../../system/errors.ts';
import { add, importHour, isSame, type Tallies } from './import-hour.ts';
import { type ImportLine, importLine } from './import-line.ts';
import type { ImportTarget } from './import-target.ts';
import type { Copy } from './selector.ts';
import { DAY_MS, HOUR_MS, type SeriesTally, seriesTallies } from './tallies.ts';

/** So much of an hour is in memory at once. An hour of a meter that is read each second is 1.2 MB. */
const HELD_BYTES = 4_000_000;
const NOTHING: Tallies = new Map();

export interface ImportDayOptions {
  target: ImportTarget;
  /** Finds the series of the lines in the server. */
  selector: string;
  copy: Copy | undefined;
}

/** How a day is in the server, as far as it is in a backup. */
export interface DayCheck {
  isWhole: boolean;
  /** Days of a series that are there. */
  series: number;
  /** Samples that the server has twice. */
  doubled: number;
  /** For a person, where it is not whole. */
  problem: string | undefined;
}

/** Brings a day back, hour by hour, and looks later whether it is there. */
export class ImportDay {
  /** Of the backup. */
  samples = 0;
  /** Those that were not there. */
  imported = 0;
  readonly series = new Set<string>();
  readonly #options: ImportDayOptions;
  readonly #dayMs: number;
  readonly #before: ReadonlyMap<number, Tallies>;
  readonly #expected = new Map<number, Map<string, SeriesTally>>();
  #held: ImportLine[] = [];
  #heldBytes = 0;
  #isBegun = false;

  private constructor(options: ImportDayOptions, dayMs: number, before: ReadonlyMap<number, Tallies>) {
    this.#options = options;
    this.#dayMs = dayMs;
    this.#before = before;
  }

  /** @param dayMs its beginning, UTC. What the server has of it has to be visible (ImportTarget.flush). */
  static async begin(options: ImportDayOptions, dayMs: number): Promise<ImportDay> {
    return new ImportDay(options, dayMs, await talliesOf(options, dayMs));
  }

  /** Whether the server has nothing of it. */
  get isEmpty(): boolean {
    return this.#before.size === 0;
  }

  /**
   * @param text a line of the backup; those of an hour come together
   * @throws AgentError, also when it is no line of an export
   */
  async take(text: string): Promise<void> {
    const line = this.#read(text);
    if (!line) return;
    const last = this.#held.at(-1);
    if (last && last.hourMs !== line.hourMs) await this.#importHeld(true);
    else if (this.#heldBytes + line.text.length > HELD_BYTES) await this.#importHeld(false);
    this.#held.push(line);
    this.#heldBytes += line.text.length;
  }

  /** Imports the rest of what was taken. */
  async end(): Promise<void> {
    await this.#importHeld(true);
  }

  /** Whether it is there now; something to ask when what was imported is on the server's disk. */
  async check(): Promise<DayCheck> {
    const check: DayCheck = { isWhole: true, series: this.series.size, doubled: 0, problem: undefined };
    if (this.imported === 0) return check;
    const after = await talliesOf(this.#options, this.#dayMs);
    for (const [hourMs, expected] of this.#expected) {
      const there = after.get(hourMs) ?? NOTHING;
      let hasMore = false;
      for (const [key, tally] of expected) {
        const found = there.get(key);
        if (isSame(tally, found)) continue;
        if (found && found.count > tally.count) {
          hasMore = true;
          continue;
        }
        check.isWhole = false;
        check.problem ??= `${found?.count ?? 0} of ${tally.count} samples of ${key} are there at ${new Date(hourMs).toISOString()}`;
      }
      if (hasMore) check.doubled += await this.#doubled(hourMs, expected);
    }
    return check;
  }

  async #importHeld(isEnd: boolean): Promise<void> {
    const lines = this.#held;
    const hourMs = lines[0]?.hourMs;
    this.#held = [];
    this.#heldBytes = 0;
    if (hourMs === undefined) return;
    const { target, selector } = this.#options;
    const before = this.#before.get(hourMs) ?? NOTHING;
    const added = await importHour(target, lines, { before, isAll: isEnd && !this.#isBegun, selector });
    this.#isBegun = !isEnd;
    const expected = this.#expected.get(hourMs) ?? new Map<string, SeriesTally>();
    this.#expected.set(hourMs, expected);
    for (const { key, tally } of lines) {
      this.samples += tally.count;
      this.series.add(key);
      if (!expected.has(key)) expected.set(key, before.get(key) ?? { count: 0, sum: 0 });
    }
    for (const [key, tally] of added) {
      this.imported += tally.count;
      add(expected, key, tally);
    }
  }

  async #doubled(hourMs: number, expected: ReadonlyMap<string, SeriesTally>): Promise<number> {
    const { target, selector } = this.#options;
    const times = await target.times(selector, hourMs, hourMs + HOUR_MS - 1);
    let doubled = 0;
    for (const [key, all] of times) if (expected.has(key)) doubled += all.length - new Set(all).size;
    return doubled;
  }

  #read(text: string): ImportLine | undefined {
    try {
      return importLine(text, this.#options.copy);
    } catch (error) {
      throw new AgentError('storage', 'a line of the backup is none that VictoriaMetrics takes', {
        hint: 'use another backup',
        cause: error,
      });
    }
  }
}

function talliesOf(
  { target, selector }: ImportDayOptions,
  dayMs: number,
): Promise<Map<number, Map<string, SeriesTally>>> {
  const span = { fromMs: dayMs, toMs: dayMs + DAY_MS };
  return target.patiently(() => seriesTallies(target.api, selector, span));
}
