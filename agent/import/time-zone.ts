import { SLOT_MS, Zone } from '../system/zone.ts';
import { BadRecord, shown } from './bad-record.ts';

const DAY_MS = 86_400_000;
/** Slots of a year; more are a file in no order. */
const MOST_SLOTS = 36_000;

/** Turns what clocks show in a place into UTC. */
export class TimeZone {
  readonly #zone: Zone;
  /** Offsets that are possible for a slot of local time. */
  readonly #offsets = new Map<number, readonly number[]>();

  /** @param name of the IANA database, such as Europe/Berlin. @throws RangeError for an unknown one */
  constructor(name: string) {
    this.#zone = new Zone(name);
  }

  /**
   * @param localMs the local time as if it were UTC
   * @param text for messages
   * @throws BadRecord for a time that comes twice or never there, where clocks are changed
   */
  utcMs(localMs: number, text: string): number {
    const [offsetMs, other] = this.#possible(localMs);
    if (offsetMs === undefined) throw new BadRecord(`time ${shown(text)} does not exist in ${this.#zone.name}`);
    if (other !== undefined) {
      throw new BadRecord(
        `time ${shown(text)} comes twice in ${this.#zone.name}; only a time with its zone can tell which`,
      );
    }
    return localMs - offsetMs;
  }

  #possible(localMs: number): readonly number[] {
    const slot = Math.floor(localMs / SLOT_MS);
    let offsets = this.#offsets.get(slot);
    if (!offsets) {
      const startMs = slot * SLOT_MS;
      const near = new Set([this.#zone.offsetAt(startMs - DAY_MS), this.#zone.offsetAt(startMs + DAY_MS)]);
      offsets = [...near].filter((offsetMs) => this.#zone.offsetAt(startMs - offsetMs) === offsetMs);
      if (this.#offsets.size >= MOST_SLOTS) this.#offsets.clear();
      this.#offsets.set(slot, offsets);
    }
    return offsets;
  }
}
