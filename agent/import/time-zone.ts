import { BadRecord, shown } from './bad-record.ts';

/** All zones have changed their clocks at quarters of an hour, by quarters of an hour, since long before 2000. */
const SLOT_MS = 900_000;
const DAY_MS = 86_400_000;
/** Slots of a year; more are a file in no order. */
const MOST_SLOTS = 36_000;

/** Turns what clocks show in a place into UTC. */
export class TimeZone {
  readonly #name: string;
  readonly #format: Intl.DateTimeFormat;
  /** Offsets that are possible for a slot of local time. Asking for one costs more than reading a line. */
  readonly #offsets = new Map<number, readonly number[]>();

  /** @param name of the IANA database, such as Europe/Berlin. @throws RangeError for an unknown one */
  constructor(name: string) {
    this.#name = name;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /**
   * @param localMs the local time as if it were UTC
   * @param text for messages
   * @throws BadRecord for a time that comes twice or never there, where clocks are changed
   */
  utcMs(localMs: number, text: string): number {
    const [offsetMs, other] = this.#possible(localMs);
    if (offsetMs === undefined) throw new BadRecord(`time ${shown(text)} does not exist in ${this.#name}`);
    if (other !== undefined) {
      throw new BadRecord(`time ${shown(text)} comes twice in ${this.#name}; only a time with its zone can tell which`);
    }
    return localMs - offsetMs;
  }

  #possible(localMs: number): readonly number[] {
    const slot = Math.floor(localMs / SLOT_MS);
    let offsets = this.#offsets.get(slot);
    if (!offsets) {
      const startMs = slot * SLOT_MS;
      const near = new Set([this.#offsetAt(startMs - DAY_MS), this.#offsetAt(startMs + DAY_MS)]);
      offsets = [...near].filter((offsetMs) => this.#offsetAt(startMs - offsetMs) === offsetMs);
      if (this.#offsets.size >= MOST_SLOTS) this.#offsets.clear();
      this.#offsets.set(slot, offsets);
    }
    return offsets;
  }

  /** Local time minus UTC. @param utcMs a whole second */
  #offsetAt(utcMs: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(utcMs)) part[type] = Number(value);
    const { year = 0, month = 1, day, hour, minute, second } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - utcMs;
  }
}
