import { decodeEntry, type Entry, encodeEntry, isDate } from './bytes.ts';
import { type Digits, partWords, type TariffPart } from './tables.ts';

/** Rates of the meters: 1 to 4; 0 marks a place that is not used. */
export const TARIFFS = [1, 2, 3, 4] as const;
export const DAY_TABLES = 8;

export type PartKind = 'points' | 'dates' | 'dated-tables';

/** What a part's entries are. */
export function kindOf({ entry }: Pick<TariffPart, 'entry'>): PartKind {
  if (entry.includes('hour')) return 'points';
  return entry.includes('table') ? 'dated-tables' : 'dates';
}

/** A part as a meter holds it. */
export interface HeldPart {
  part: TariffPart;
  registers: Buffer;
  /** Entries in use; undefined: the registers are not understood. */
  entries: Entry[] | undefined;
  /** How digits lie; undefined: nothing says so. */
  digits: Digits | undefined;
}

const isUsed = (kind: PartKind, entry: Entry): boolean =>
  kind === 'points' ? entry.tariff !== 0 : kind === 'dates' ? entry.month !== 0 || entry.day !== 0 : entry.table !== 0;

function isPossible(
  kind: PartKind,
  { hour = 0, minute = 0, tariff = 1, month = 1, day = 1, table = 1 }: Entry,
): boolean {
  if (kind === 'points') return hour <= 23 && minute <= 59 && tariff <= TARIFFS.length;
  return isDate(month, day) && table <= DAY_TABLES;
}

/** Entries in use; undefined where one is impossible. */
function entriesAs(part: TariffPart, digits: Digits, registers: Buffer): Entry[] | undefined {
  const { length } = part.entry;
  const kind = kindOf(part);
  const all = Array.from({ length: part.entries }, (_, i) =>
    decodeEntry(part.entry, digits, registers.subarray(i * length, (i + 1) * length)),
  );
  const used = all.filter((entry) => entry === undefined || isUsed(kind, entry));
  return used.every((entry) => entry !== undefined && isPossible(kind, entry)) ? (used as Entry[]) : undefined;
}

/**
 * Understands the registers of a part.
 * @param said how digits lie, where a person says so
 */
export function decodePart(part: TariffPart, registers: Buffer, said?: Digits): HeldPart {
  const known = part.digits === 'unsaid' ? said : part.digits;
  if (known !== undefined) return { part, registers, entries: entriesAs(part, known, registers), digits: known };
  const [binary, bcd] = [entriesAs(part, 'binary', registers), entriesAs(part, 'bcd', registers)];
  // The meter's other tables are plain numbers; what can only be packed decimals speaks for itself.
  const digits = binary && bcd ? undefined : binary ? 'binary' : bcd ? 'bcd' : undefined;
  return { part, registers, entries: binary ?? bcd, digits };
}

/** The registers of a part that holds these entries and no others. */
export function encodePart(part: TariffPart, digits: Digits, entries: readonly Entry[]): Buffer {
  const registers = Buffer.alloc(partWords(part) * 2);
  for (const [i, entry] of entries.entries()) {
    encodeEntry(part.entry, digits, entry).copy(registers, i * part.entry.length);
  }
  return registers;
}

const two = (number = 0): string => String(number).padStart(2, '0');

/** `07:00 tariff 2`, `12-25`, `04-01 table 3`. */
export function entryText(kind: PartKind, { hour, minute, tariff, month, day, table }: Entry): string {
  if (kind === 'points') return `${two(hour)}:${two(minute)} tariff ${tariff}`;
  return `${two(month)}-${two(day)}${kind === 'dates' ? '' : ` table ${table}`}`;
}
