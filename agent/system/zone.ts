import { statSync } from 'node:fs';

/** All zones have changed their clocks at quarters of an hour, by quarters of an hour, since long before 2000. */
export const SLOT_MS = 900_000;
const DAY_MS = 86_400_000;
const SLOTS_A_DAY = DAY_MS / SLOT_MS;
/** Slots of a year; more are in no order. */
const MOST_SLOTS = 36_000;

/** The zone of this machine, such as Europe/Berlin. */
export function systemZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Where the system keeps the zones; the names of the database begin with a capital, others there do not. */
const ZONE_FILES = '/usr/share/zoneinfo';
const ZONE_NAME = /^[A-Z][A-Za-z_]*(?:\/[A-Z][\w+-]*)+$/;

/** Is it a zone of the IANA database? ICU, which takes 8 MB once it is asked, is asked only of what the system has not. */
export function isZone(name: string): boolean {
  if (ZONE_NAME.test(name) && statSync(`${ZONE_FILES}/${name}`, { throwIfNoEntry: false })?.isFile()) return true;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** What clocks show in a place. Local times are numbers as well: the UTC milliseconds of a clock that shows the same in UTC. */
export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  /** Asking for an offset costs more than adding up an hour. */
  readonly #offsets = new Map<number, number>();

  /** @param name of the IANA database. @throws RangeError for an unknown one */
  constructor(name: string) {
    this.name = name;
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

  /** Local time minus UTC, ms. */
  offsetAt(utcMs: number): number {
    // No place has changed its clocks twice within a day of UTC.
    const day = Math.floor(utcMs / DAY_MS);
    const before = this.#slotOffset(day * SLOTS_A_DAY);
    return before === this.#slotOffset((day + 1) * SLOTS_A_DAY)
      ? before
      : this.#slotOffset(Math.floor(utcMs / SLOT_MS));
  }

  #slotOffset(slot: number): number {
    let offset = this.#offsets.get(slot);
    if (offset === undefined) {
      offset = this.#ask(slot * SLOT_MS);
      if (this.#offsets.size >= MOST_SLOTS) this.#offsets.clear();
      this.#offsets.set(slot, offset);
    }
    return offset;
  }

  /** `+02:00`: by it an hour that comes twice is told from itself. */
  offsetText(utcMs: number): string {
    const offset = this.offsetAt(utcMs);
    const minutes = Math.round(Math.abs(offset) / 60_000);
    const two = (n: number) => String(n).padStart(2, '0');
    return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  }

  localMs(utcMs: number): number {
    return utcMs + this.offsetAt(utcMs);
  }

  /** The beginning of the day that a moment is in: usually 00:00, later where clocks leave midnight out. */
  startOfDay(utcMs: number): number {
    return this.firstAt(Math.floor(this.localMs(utcMs) / DAY_MS) * DAY_MS);
  }

  /** The beginning of the day after. */
  nextDay(utcMs: number): number {
    return this.#after(utcMs, (n) => (Math.floor(this.localMs(utcMs) / DAY_MS) + n) * DAY_MS);
  }

  startOfMonth(utcMs: number): number {
    const local = new Date(this.localMs(utcMs));
    return this.firstAt(Date.UTC(local.getUTCFullYear(), local.getUTCMonth()));
  }

  nextMonth(utcMs: number): number {
    const local = new Date(this.localMs(utcMs));
    return this.#after(utcMs, (n) => Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + n));
  }

  /** The last time before or at which the clock showed a full hour, or was changed. */
  startOfHour(utcMs: number): number {
    const startMs = utcMs - modulo(this.localMs(utcMs), 3_600_000);
    return this.offsetAt(startMs) === this.offsetAt(utcMs) ? startMs : this.#changeBetween(startMs, utcMs);
  }

  nextHour(utcMs: number): number {
    const endMs = utcMs - modulo(this.localMs(utcMs), 3_600_000) + 3_600_000;
    const isSame = this.offsetAt(endMs - 1) === this.offsetAt(utcMs);
    return isSame ? endMs : this.#changeBetween(utcMs, endMs - 1);
  }

  /** A date can be missing as a whole, where a place has crossed the date line. */
  #after(utcMs: number, candidate: (n: number) => number): number {
    for (let n = 1; ; n++) {
      const startMs = this.firstAt(candidate(n));
      if (startMs > utcMs) return startMs;
    }
  }

  /** The first moment at which the clock shows this local time, or a later one where it is left out. */
  firstAt(localMs: number): number {
    const [before, after] = [this.offsetAt(localMs - DAY_MS), this.offsetAt(localMs + DAY_MS)];
    const candidates = [localMs - before, localMs - after].sort((a, b) => a - b);
    const exact = candidates.find((utcMs) => this.localMs(utcMs) === localMs);
    return exact ?? this.#changeBetween(candidates[0] ?? localMs, candidates[1] ?? localMs);
  }

  /** The moment between two at which the clock is changed. */
  #changeBetween(fromMs: number, toMs: number): number {
    let [low, high] = [Math.floor(fromMs / SLOT_MS), Math.floor(toMs / SLOT_MS)];
    const before = this.offsetAt(fromMs);
    while (low + 1 < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetAt(middle * SLOT_MS) === before) low = middle;
      else high = middle;
    }
    return high * SLOT_MS;
  }

  /** @param utcMs a whole second */
  #ask(utcMs: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(utcMs)) part[type] = Number(value);
    const { year = 0, month = 1, day, hour, minute, second } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - utcMs;
  }
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
