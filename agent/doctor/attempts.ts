import type { MeterModel } from '../meters/model.ts';
import { characterMs } from '../modbus/connection.ts';
import type { TerminalSettings } from '../system/termios.ts';
import type { Question } from './line.ts';

/** One question at one setting. */
export interface Attempt {
  settings: TerminalSettings;
  question: Question;
  /** For the reply's first byte. */
  waitMs: number;
  stage: Stage;
}

/**
 * factory: as the models leave the factory. line: their unit at each rate and parity. patient: factory settings again, for a
 * meter that is slow. units: the other units at the likeliest settings. rest: everything else.
 */
export type Stage = 'given' | 'factory' | 'line' | 'patient' | 'units' | 'rest';

/** What a person says of the meter; it is tried first, and then what is not that. */
export interface Given {
  unit?: number | undefined;
  baudRate?: number | undefined;
  parity?: TerminalSettings['parity'] | undefined;
  stopBits?: 1 | 2 | undefined;
}

/**
 * Two reads that every known meter answers or refuses, which is as good: 0x0110 has the unit of a WE-514/515 and counters of
 * others, SDM refuse it; 0x0002 is there in all that may be silent about the first.
 */
const PROBES = [
  { functionCode: 3, address: 0x0110, count: 2 },
  { functionCode: 3, address: 0x0002, count: 2 },
] as const;

/** ms for the first byte, by stage. Meters answer within 100 ms, a WE-516 under load within 600 (mbmd PR 258). */
const WAIT_MS: Readonly<Record<Stage, number>> = {
  given: 200,
  factory: 200,
  line: 90,
  patient: 650,
  units: 60,
  rest: 60,
};
/** A network adds its own. */
const NETWORK_WAIT_MS: Readonly<Record<Stage, number>> = {
  given: 400,
  factory: 400,
  line: 200,
  patient: 1500,
  units: 150,
  rest: 150,
};

const RATES = [9600, 2400, 4800, 19_200, 1200, 38_400, 115_200, 57_600];
const PARITIES = ['even', 'none', 'odd'] as const;
const LAST_UNIT = 247;
/** At a slow rate only the units that people choose are within a minute. */
export const LIKELY_UNITS = 32;
const SLOW_BAUD = 4800;
/** Timers, a turn of the event loop, and the silence between frames. */
const OVERHEAD_MS = 6;

const unitsUpTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
const keyOf = ({ settings, question }: Attempt) =>
  [settings.baudRate, settings.parity, settings.stopBits, question.unit, question.functionCode, question.address].join(
    '/',
  );

/** Settings of the models as they leave the factory, the one of most models first. */
function factorySettings(models: readonly MeterModel[]): TerminalSettings[] {
  const counted = new Map<string, { settings: TerminalSettings; models: number }>();
  for (const { serial } of models) {
    const { baudRate, parity, stopBits } = serial;
    const key = `${baudRate}/${parity}/${stopBits}`;
    const known = counted.get(key) ?? { settings: { baudRate, parity, stopBits }, models: 0 };
    counted.set(key, { ...known, models: known.models + 1 });
  }
  return [...counted.values()].sort((a, b) => b.models - a.models).map(({ settings }) => settings);
}

/** Every rate and parity; what is sent with one stop bit is understood by a meter that is set to two, and the other way. */
const allSettings = (): TerminalSettings[] =>
  RATES.flatMap((baudRate) => PARITIES.map((parity) => ({ baudRate, parity, stopBits: 1 })));

const fits = ({ baudRate, parity, stopBits }: TerminalSettings, given: Given): boolean =>
  (given.baudRate ?? baudRate) === baudRate &&
  (given.parity ?? parity) === parity &&
  (given.stopBits ?? stopBits) === stopBits;

export interface PlanOptions {
  models: readonly MeterModel[];
  given?: Given | undefined;
  /** The model that is expected: what it measures is asked first, for a meter that is silent about all else. */
  model?: MeterModel | undefined;
  /** Units of other meters that are known on this line. */
  otherUnits?: readonly number[];
  /** A network line has no settings to try. */
  isSerial?: boolean;
  /** All units at all settings: a quarter of an hour and more. */
  isThorough?: boolean | undefined;
}

/** What to ask, the likeliest first; nothing twice but in the patient stage. */
export function planAttempts({
  models,
  given = {},
  model,
  otherUnits = [],
  isSerial = true,
  isThorough = false,
}: PlanOptions): Attempt[] {
  const waits = isSerial ? WAIT_MS : NETWORK_WAIT_MS;
  const attempts: Attempt[] = [];
  const probes = model ? [probeOf(model), ...PROBES] : PROBES;
  const add = (stage: Stage, all: readonly TerminalSettings[], units: readonly number[], most = probes.length) => {
    // Probe by probe: most meters answer the first, wherever they are.
    for (const probe of probes.slice(0, most)) {
      // Unit by unit at one setting: a reply that is late is then still heard.
      for (const settings of all) {
        for (const unit of units) {
          attempts.push({ settings, question: { ...probe, unit }, waitMs: waits[stage], stage });
        }
      }
    }
  };
  const factory = isSerial ? factorySettings(models) : factorySettings(models).slice(0, 1);
  const every = isSerial ? [...factory, ...allSettings()] : factory;
  const home = [...new Set(models.map(({ serial }) => serial.unit))];
  const likely = unitsUpTo(LIKELY_UNITS);
  if (model || Object.values(given).some((value) => value !== undefined)) {
    const { baudRate = 9600, parity = 'even', stopBits = 1 } = given;
    const isLineGiven = given.baudRate !== undefined || given.parity !== undefined;
    const said = model && !isLineGiven ? factorySettings([model]) : every.filter((settings) => fits(settings, given));
    const settings = said.length > 0 ? said : [{ baudRate, parity, stopBits }];
    const isExact = given.baudRate !== undefined && given.parity !== undefined;
    add('given', settings, given.unit === undefined ? (model ? [model.serial.unit] : home) : [given.unit]);
    if (model && given.unit !== undefined && !isLineGiven) add('given', every, [given.unit], 1);
    if (isExact && given.unit === undefined) add('units', settings, unitsUpTo(LAST_UNIT), 1);
  }
  add('factory', factory, home);
  add('line', every, home);
  add('patient', factory, home);
  add('units', factory, likely, 1);
  add(
    'units',
    factory.filter(({ baudRate }) => baudRate > SLOW_BAUD),
    unitsUpTo(LAST_UNIT),
    1,
  );
  if (isThorough) add('rest', every, unitsUpTo(LAST_UNIT));
  return withLastWaits(withoutRepeats(attempts.filter(({ question }) => !otherUnits.includes(question.unit))), waits);
}

/** A field of the model, where there is one of two registers: the confirmation asks for another length. */
function probeOf({ fields }: MeterModel): Omit<Question, 'unit'> {
  const field = fields.find(({ words }) => words === 2) ?? fields[0];
  return field ? { functionCode: field.functionCode, address: field.address, count: field.words } : PROBES[0];
}

function withoutRepeats(attempts: readonly Attempt[]): Attempt[] {
  const seen = new Set<string>();
  return attempts.filter((attempt) => {
    const key = `${attempt.stage === 'patient' ? 'patient/' : ''}${keyOf(attempt)}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** In a sweep a late reply is heard while the next unit is asked; the last one of each setting has no next. */
function withLastWaits(attempts: readonly Attempt[], waits: Readonly<Record<Stage, number>>): Attempt[] {
  return attempts.map((attempt, i) => {
    const next = attempts[i + 1];
    const isSweep = attempt.stage === 'units' || attempt.stage === 'rest';
    const isLast = next?.stage !== attempt.stage || next.settings !== attempt.settings;
    return isSweep && isLast ? { ...attempt, waitMs: waits.factory } : attempt;
  });
}

/** What an attempt takes that nobody answers. */
export function attemptMs({ settings, waitMs }: Attempt, isSerial = true): number {
  const REQUEST_BYTES = 8;
  const wireMs = isSerial ? (REQUEST_BYTES + 3.5) * characterMs({ ...settings, dataBits: 8 }) : 0;
  return wireMs + waitMs + OVERHEAD_MS;
}

/** What a plan takes that finds nobody. */
export function planMs(attempts: readonly Attempt[], isSerial = true): number {
  return attempts.reduce((sum, attempt) => sum + attemptMs(attempt, isSerial), 0);
}
