import type { Clue } from './identify.ts';
import type { Limits } from './limits.ts';
import type { MeterModel } from './model.ts';
import { type Encoding, register, registersFrom, type Space } from './registers.ts';

/**
 * Eastron SDM120, SDM230 and SDM630 (V2), after the maker's own documents: SDM120M protocol V2.4 and V2.5, SDM230 protocol
 * (old) and V1.1 for the SDM230-2T, SDM630 protocol V1.8 and V2.0 (in nmakel/sdm_modbus and plebann/eastron_SDM_HA_integration).
 * All values are floats in input registers, the most significant word first, at even addresses. Export is a negative power,
 * the current is a magnitude (nmakel's README shows both). The total energies (0x0156, 0x0158) are left out: a setting
 * (0xF920) says whether they are import, the sum or the difference, and so they can fall. "Since last reset" is what the
 * documents call the counters of the SDM630, whose prefix can be set to MWh (0x001E of the holding registers).
 */
const float = (decimals: number): Encoding => ({ type: 'float32', exponent: 0, decimals });
const VOLTS = float(2);
const AMPERES = float(3);
const POWERS = float(1);
const FACTORS = float(3);
const DEGREES = float(1);
const HERTZ = float(2);
const ENERGIES = float(3);

const input = (limits: Limits): Space => ({ functionCode: 4, limits });
const phases = <const Name extends string>(name: Name) => [`${name}_l1`, `${name}_l2`, `${name}_l3`] as const;

/** What all of them have at the same places. */
const shared = (space: Space) => [
  register(space, HERTZ, 'frequency', 0x0046),
  ...registersFrom(space, ENERGIES, 0x0048, [
    'active_energy_import',
    'active_energy_export',
    'reactive_energy_import',
    'reactive_energy_export',
  ]),
];

/** The places of the first phase of the SDM630. */
const onePhase = (space: Space) => [
  register(space, VOLTS, 'voltage', 0x0000),
  register(space, AMPERES, 'current', 0x0006),
  register(space, POWERS, 'active_power', 0x000c),
  register(space, POWERS, 'apparent_power', 0x0012),
  register(space, POWERS, 'reactive_power', 0x0018),
  register(space, FACTORS, 'power_factor', 0x001e),
];

/** The settings are floats in holding registers; the code of the model is undocumented for all but the SDM120. */
const clues = (codes: readonly number[]): readonly Clue[] => [
  { functionCode: 3, address: 0x0014, type: 'float32', holds: { unit: true } },
  {
    functionCode: 3,
    address: 0x001c,
    type: 'float32',
    holds: { baudRates: { 2400: 0, 4800: 1, 9600: 2, 19200: 3, 38400: 4, 1200: 5 } },
  },
  ...(codes.length === 0
    ? []
    : [{ functionCode: 3, address: 0xfc02, type: 'u16', holds: { oneOf: codes }, bonus: true } as const]),
];

const COMMON = { maker: 'Eastron', unassigned: [], responseMs: undefined } as const;

const LIMITS_120: Limits = { voltage: [80, 320], current: 60, powerVA: 20_000, energy: 9_999_999 };
const INPUT_120 = input(LIMITS_120);

export const SDM120: MeterModel = {
  ...COMMON,
  name: 'sdm120',
  title: 'SDM120, one phase, 45 A, both directions',
  phases: 1,
  serial: { baudRate: 2400, parity: 'none', stopBits: 1, unit: 1 },
  maxPowerVA: LIMITS_120.powerVA,
  /** 40 values of two registers. */
  maxBlock: 80,
  pauseMs: 0,
  fields: [...onePhase(INPUT_120), ...shared(INPUT_120)],
  identify: clues([0x0020, 0x0004]),
};

const LIMITS_230: Limits = { voltage: [80, 320], current: 120, powerVA: 36_000, energy: 9_999_999 };
const INPUT_230 = input(LIMITS_230);

/** The documents say 9600 baud and, of the older one, 80 registers; V1.1 says 60. Others found 2400 baud (reaper7). */
export const SDM230: MeterModel = {
  ...COMMON,
  name: 'sdm230',
  title: 'SDM230, one phase, 100 A, both directions',
  phases: 1,
  serial: { baudRate: 9600, parity: 'none', stopBits: 1, unit: 1 },
  maxPowerVA: LIMITS_230.powerVA,
  maxBlock: 60,
  pauseMs: 60,
  fields: [...onePhase(INPUT_230), register(INPUT_230, DEGREES, 'phase_angle', 0x0024), ...shared(INPUT_230)],
  identify: clues([]),
};

const LIMITS_630: Limits = { voltage: [0, 320], current: 120, powerVA: 110_000, energy: 9_999_999 };
const INPUT_630 = input(LIMITS_630);

export const SDM630: MeterModel = {
  ...COMMON,
  name: 'sdm630',
  title: 'SDM630 V2, three phases, 100 A, both directions',
  phases: 3,
  serial: { baudRate: 9600, parity: 'none', stopBits: 1, unit: 1 },
  maxPowerVA: LIMITS_630.powerVA,
  maxBlock: 80,
  /** Protocol V1.8 and V2.0, 3.3: 60 ms of silence before a request; with none a fifth of the polls failed (eastron_sdm). */
  pauseMs: 60,
  fields: [
    ...registersFrom(INPUT_630, VOLTS, 0x0000, phases('voltage')),
    ...registersFrom(INPUT_630, AMPERES, 0x0006, phases('current')),
    ...registersFrom(INPUT_630, POWERS, 0x000c, phases('active_power')),
    ...registersFrom(INPUT_630, POWERS, 0x0012, phases('apparent_power')),
    ...registersFrom(INPUT_630, POWERS, 0x0018, phases('reactive_power')),
    ...registersFrom(INPUT_630, FACTORS, 0x001e, phases('power_factor')),
    ...registersFrom(INPUT_630, DEGREES, 0x0024, phases('phase_angle')),
    register(INPUT_630, POWERS, 'active_power', 0x0034),
    register(INPUT_630, POWERS, 'apparent_power', 0x0038),
    register(INPUT_630, POWERS, 'reactive_power', 0x003c),
    register(INPUT_630, FACTORS, 'power_factor', 0x003e),
    register(INPUT_630, DEGREES, 'phase_angle', 0x0042),
    ...shared(INPUT_630),
    ...registersFrom(INPUT_630, VOLTS, 0x00c8, ['voltage_l1_l2', 'voltage_l2_l3', 'voltage_l3_l1']),
    register(INPUT_630, AMPERES, 'current_n', 0x00e0),
    ...registersFrom(INPUT_630, ENERGIES, 0x015a, phases('active_energy_import')),
    ...registersFrom(INPUT_630, ENERGIES, 0x0160, phases('active_energy_export')),
    ...registersFrom(INPUT_630, ENERGIES, 0x016c, phases('reactive_energy_import')),
    ...registersFrom(INPUT_630, ENERGIES, 0x0172, phases('reactive_energy_export')),
  ],
  identify: clues([0x0070, 0x1010]),
};
