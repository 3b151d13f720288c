import type { Reached } from '../meters/identify.ts';
import { encodeEntry } from '../meters/service/bytes.ts';
import { decodeClock, encodeClock } from '../meters/service/clock-codec.ts';
import { decodeSetting, encodeSetting, settingWords } from '../meters/service/setting-codec.ts';
import { partWords, type ServiceTables, type SettingRegister, type TariffPart } from '../meters/service/tables.ts';
import { systemZone, Zone } from '../system/zone.ts';
import { effectOf, type PlannedFault, type WriteEffect } from './write-faults.ts';

export interface ServiceMemoryOptions {
  tables: ServiceTables;
  reached: Reached;
  /** How far the clock is ahead, ms. */
  clockAheadMs?: number;
  /** Its clock shows this zone's time when it is right; this machine's by default. */
  zone?: string;
  faults?: readonly PlannedFault[];
  /** Writes that are refused unless the settings were unlocked before. */
  isLocked?: boolean;
  /** The unit changes with the next start of the meter only. */
  isUnitLazy?: boolean;
  /** Registers of one write that it takes at most. */
  maxWrite?: number;
}

/** A write as it came. */
export interface SeenWrite {
  address: number;
  registers: string;
}

/** It is open for this long (PeWu: about 10 s). */
const UNLOCKED_MS = 10_000;

/** Registers of a meter that can be written: its clock, schedule, unit and baud rate. */
export class ServiceMemory {
  /** All that came, done or not. */
  readonly writes: SeenWrite[] = [];
  unlocks = 0;
  readonly #options: ServiceMemoryOptions;
  readonly #zone: Zone;
  readonly #registers = new Map<number, number>();
  #clockAheadMs: number;
  #unlockedUntilMs = Number.NEGATIVE_INFINITY;
  #unit: number;

  constructor(options: ServiceMemoryOptions) {
    this.#options = options;
    this.#zone = new Zone(options.zone ?? systemZone());
    this.#clockAheadMs = options.clockAheadMs ?? 0;
    const { tables, reached } = options;
    this.#unit = reached.unit;
    for (const part of tables.tariffs ?? []) this.#put(part.address, factoryPart(part));
    if (tables.unit) this.#putSetting(tables.unit, reached.unit);
    if (tables.line) {
      this.#putSetting(tables.line.baudRate, tables.line.baudRate.codes[reached.baudRate] ?? 0);
      if (tables.line.parity) this.#putSetting(tables.line.parity, tables.line.parity.codes.even ?? 0);
    }
  }

  /** The address that it answers to now. */
  get unit(): number {
    return this.#unit;
  }

  /** How far its clock is ahead now. */
  get clockAheadMs(): number {
    return this.#clockAheadMs;
  }

  /** What it holds. */
  held(address: number, count: number): string {
    return this.#held(address, count).toString('hex');
  }

  /** The rate that its register names. */
  get baudRate(): number | undefined {
    const setting = this.#options.tables.line?.baudRate;
    const code = setting && this.#setting(setting);
    return Object.entries(setting?.codes ?? {}).flatMap(([rate, one]) => (one === code ? [Number(rate)] : []))[0];
  }

  /** Puts what it holds into an answer. @param registers of the answer, the first of them at `address` */
  overlay(address: number, registers: Buffer, nowMs: number): void {
    const { clock } = this.#options.tables;
    if (clock) this.#put(clock.address, encodeClock(clock, this.#clockMs(nowMs)));
    for (let i = 0; i < registers.length / 2; i++) {
      const value = this.#registers.get(address + i);
      if (value !== undefined) registers.writeUInt16BE(value, i * 2);
    }
  }

  /** Takes a write, or not. */
  write(address: number, registers: Buffer, nowMs: number): WriteEffect {
    this.writes.push({ address, registers: registers.toString('hex') });
    const { faults, isLocked, maxWrite = Number.POSITIVE_INFINITY } = this.#options;
    if (isLocked && nowMs > this.#unlockedUntilMs) return { share: 0, exception: 4, answer: 'at once' };
    const count = registers.length / 2;
    for (let i = 0; i < count; i++) {
      if (!this.#registers.has(address + i)) return { share: 0, exception: 2, answer: 'at once' };
    }
    if (count > maxWrite) return { share: 0, exception: 3, answer: 'at once' };
    const effect = effectOf(faults ?? [], this.writes.length);
    this.#put(address, registers.subarray(0, Math.ceil(count * effect.share) * 2));
    if (effect.share > 0) this.#takeOver(address, nowMs);
    return effect;
  }

  unlock(nowMs: number): void {
    this.unlocks++;
    this.#unlockedUntilMs = nowMs + UNLOCKED_MS;
  }

  #takeOver(address: number, nowMs: number): void {
    const { clock, unit } = this.#options.tables;
    if (clock?.address === address) {
      const setMs = decodeClock(clock, this.#held(address, clock.bytes.length / 2));
      if (setMs !== undefined) this.#clockAheadMs = setMs - this.#zone.localMs(nowMs);
    }
    if (unit?.address === address && !this.#options.isUnitLazy) this.#unit = this.#setting(unit);
  }

  #clockMs(nowMs: number): number {
    return Math.floor((this.#zone.localMs(nowMs) + this.#clockAheadMs) / 1000) * 1000;
  }

  #setting(setting: SettingRegister): number {
    return decodeSetting(setting, this.#held(setting.address, settingWords(setting)));
  }

  #held(address: number, count: number): Buffer {
    const bytes = Buffer.alloc(count * 2);
    for (let i = 0; i < count; i++) bytes.writeUInt16BE(this.#registers.get(address + i) ?? 0, i * 2);
    return bytes;
  }

  #putSetting(setting: SettingRegister, value: number): void {
    this.#put(setting.address, encodeSetting(setting, value, this.#held(setting.address, settingWords(setting))));
  }

  #put(address: number, bytes: Buffer): void {
    for (let i = 0; i * 2 < bytes.length; i++) this.#registers.set(address + i, bytes.readUInt16BE(i * 2));
  }
}

/** As a WE-515 leaves the factory: tariff 2 from 07:00, 3 from 22:00; the first table of the others alike, no dates. */
function factoryPart(part: TariffPart): Buffer {
  const bytes = Buffer.alloc(partWords(part) * 2);
  if (!part.entry.includes('hour') || !['workday', 'day1'].includes(part.key)) return bytes;
  const digits = part.digits === 'unsaid' ? 'binary' : part.digits;
  const points = [
    { hour: 7, tariff: 2 },
    { hour: 22, tariff: 3 },
  ];
  return Buffer.concat([...points.map((point) => encodeEntry(part.entry, digits, point)), bytes]).subarray(
    0,
    bytes.length,
  );
}
