/** What a byte of a clock or a schedule holds. `zero` is written as 0 and not looked at. */
export type ByteField =
  | 'year'
  | 'month'
  | 'day'
  | 'weekday'
  | 'hour'
  | 'minute'
  | 'second'
  | 'tariff'
  | 'table'
  | 'zero';

/** How two digits lie in a byte: 27 is 0x1B, or 0x27. */
export type Digits = 'binary' | 'bcd';

/** Holding registers that a meter keeps its clock in. */
export interface ClockTable {
  address: number;
  /** In their order on the line. The year is that of the century, the weekday 1 for Monday to 7. */
  bytes: readonly ByteField[];
  digits: Digits;
  /** Why it is not written; undefined: it may be. */
  readOnly?: string;
}

/** Entries of a schedule in holding registers, one behind the other: switch-over points, dates, or dates with a table. */
export interface TariffPart {
  /** In the file. */
  key: string;
  title: string;
  address: number;
  entries: number;
  /** Of one entry, in their order on the line. */
  entry: readonly ByteField[];
  /** `unsaid`: no source tells; what the meter holds may. */
  digits: Digits | 'unsaid';
  /** Why it is not written; undefined: it may be. */
  readOnly?: string;
}

/** When a setting takes effect, as far as anybody has said. */
export type Effect = 'at once' | 'after a restart' | 'at once, or after a restart';

/** A holding register with a setting. */
export interface SettingRegister {
  address: number;
  type: 'u16' | 'float32';
  /** The bits of a u16 that are this setting's; all without it. */
  mask?: 0x00ff | 0xff00;
}

export interface UnitSetting extends SettingRegister {
  effect: Effect;
}

export interface LineSetting {
  effect: Effect;
  /** Codes by rate. */
  baudRate: SettingRegister & { codes: Readonly<Record<number, number>> };
  /** Codes by name; undefined: the meter has no register of it. */
  parity?: SettingRegister & { codes: Readonly<Partial<Record<'none' | 'even' | 'odd', number>>> };
}

/** A maker's own function that lets settings be written for some seconds. */
export interface Unlock {
  /** Behind the unit, without checksum. */
  frame: readonly number[];
  /** Before each write, or only where the meter has not taken one without it. */
  when: 'first' | 'refused';
}

/** What can be read and written of a meter beside its measurements; what is undefined it has not, or nobody knows where. */
export interface ServiceTables {
  clock?: ClockTable;
  tariffs?: readonly TariffPart[];
  unit?: UnitSetting;
  line?: LineSetting;
  unlock?: Unlock;
  /** What a person has to do at the meter before its settings can be written. */
  before?: string;
}

/** Registers that the entries take. */
export function partWords({ entries, entry }: Pick<TariffPart, 'entries' | 'entry'>): number {
  return Math.ceil((entries * entry.length) / 2);
}
