import type { Limits } from './limits.ts';
import type { MeterModel } from './model.ts';
import { type Encoding, register, registersFrom, type Space } from './registers.ts';

const MAX_POWER_VA = 36_000;
const HUNDRED_AMPERES: Limits = { voltage: [80, 320], current: 120, powerVA: MAX_POWER_VA, energy: 999_999.99 };
const HOLDING: Space = { functionCode: 3, limits: HUNDRED_AMPERES };

const u16 = (exponent: number): Encoding => ({ type: 'u16', exponent });
const s16 = (exponent: number): Encoding => ({ type: 's16', exponent });
const u32 = (exponent: number): Encoding => ({ type: 'u32', exponent });
const s32 = (exponent: number): Encoding => ({ type: 's32', exponent });

const COMMON = {
  maker: 'ORNO',
  phases: 1,
  maxPowerVA: MAX_POWER_VA,
  maxBlock: 125,
  pauseMs: 0,
  responseMs: undefined,
} as const;

const EIGHT_E_ONE = { baudRate: 9600, parity: 'even', stopBits: 1, unit: 1 } as const;
const EIGHT_N_ONE = { baudRate: 9600, parity: 'none', stopBits: 1, unit: 1 } as const;

/** Codes of baud rates that the WE-504, 514 and 515 share. */
const SMALL_CODES = { 1200: 1, 2400: 2, 4800: 3, 9600: 4 };

/**
 * ORNO OR-WE-504, one phase, 100 A, after mbmd (orno1p504), pigateway, groupsky/homy, the headers of hardwario and an STM32
 * reader (ivanovp) that was run on one. Signs: only hardwario declares power, reactive power and power factor signed; as s16
 * they are right either way, because no such meter reaches 32 768 W. Some units are said to be at 8E1.
 */
export const WE_504: MeterModel = {
  ...COMMON,
  name: 'we-504',
  title: 'OR-WE-504, one phase, 100 A',
  serial: EIGHT_N_ONE,
  pauseMs: 12,
  unassigned: [],
  fields: [
    register(HOLDING, u16(-1), 'voltage', 0x0000),
    register(HOLDING, u16(-1), 'current', 0x0001),
    register(HOLDING, u16(-1), 'frequency', 0x0002),
    register(HOLDING, s16(0), 'active_power', 0x0003),
    register(HOLDING, s16(0), 'reactive_power', 0x0004),
    register(HOLDING, u16(0), 'apparent_power', 0x0005),
    register(HOLDING, s16(-3), 'power_factor', 0x0006),
    register(HOLDING, u32(-3), 'active_energy', 0x0007),
    register(HOLDING, u32(-3), 'reactive_energy', 0x0009),
  ],
  identify: [
    { functionCode: 3, address: 0x000f, type: 'u16', holds: { unit: true } },
    { functionCode: 3, address: 0x000e, type: 'u16', holds: { baudRates: SMALL_CODES } },
    { functionCode: 3, address: 0x0002, type: 'u16', holds: { between: [450, 650] } },
    { functionCode: 3, address: 0x0000, type: 'u16', holds: { between: [800, 3200] } },
  ],
};

/**
 * ORNO OR-WE-514 and OR-WE-515, one phase, 100 A, as the maker's register description has them (Modbus register table of
 * OR-WE-514/515, in gituser-rk/orno-modbus-mqtt). Powers and power factor are signed: export is negative. Energies are
 * 32-bit: their low word alone wraps at 655.35 kWh. The table says 8N1, the meters come with 8E1 (mbmd PR 129, TapHome).
 */
const MEASURED_514 = [
  register(HOLDING, u16(-2), 'frequency', 0x0130),
  register(HOLDING, u16(-2), 'voltage', 0x0131),
  register(HOLDING, s32(-3), 'current', 0x0139),
  register(HOLDING, s32(0), 'active_power', 0x0140),
  register(HOLDING, s32(0), 'reactive_power', 0x0148),
  register(HOLDING, s32(0), 'apparent_power', 0x0150),
  register(HOLDING, s16(-3), 'power_factor', 0x0158),
];

const COMMON_514 = {
  ...COMMON,
  serial: EIGHT_E_ONE,
  /** The table assigns 0x0130-0x015B (phases 2 and 3 of the siblings) but for these. */
  unassigned: [0x0134, 0x0135, 0x0136, 0x0137, 0x0138, 0x013f],
  identify: [
    { functionCode: 3, address: 0x0110, type: 'u16', mask: 0xff, holds: { unit: true } },
    { functionCode: 3, address: 0x0111, type: 'u16', mask: 0xff, holds: { baudRates: SMALL_CODES } },
    { functionCode: 3, address: 0x0130, type: 'u16', holds: { between: [4500, 6500] } },
    { functionCode: 3, address: 0x000b, type: 'u16', holds: { oneOf: [0x00a2] }, bonus: true },
  ],
} as const satisfies Partial<MeterModel>;

export const WE_514: MeterModel = {
  ...COMMON_514,
  name: 'we-514',
  title: 'OR-WE-514, one phase, 100 A',
  fields: [
    ...MEASURED_514,
    register(HOLDING, u32(-2), 'active_energy', 0xa000),
    register(HOLDING, u32(-2), 'reactive_energy', 0xa01e),
  ],
};

export const WE_515: MeterModel = {
  ...COMMON_514,
  name: 'we-515',
  title: 'OR-WE-515, one phase, 100 A, tariffs and clock',
  fields: [
    ...MEASURED_514,
    ...registersFrom(HOLDING, u32(-2), 0xa000, [
      'active_energy',
      'active_energy_t1',
      'active_energy_t2',
      'active_energy_t3',
      'active_energy_t4',
    ]),
    ...registersFrom(HOLDING, u32(-2), 0xa01e, [
      'reactive_energy',
      'reactive_energy_t1',
      'reactive_energy_t2',
      'reactive_energy_t3',
      'reactive_energy_t4',
    ]),
  ],
};

/**
 * ORNO OR-WE-525 and OR-WE-526, one phase, 100 A, counting both ways, after mbmd (orno1p525, PR 360), groupsky/homy (a 526 in
 * use), an STM32 reader of a 525 (ivanovp) and pachobg2/energy_meter, which has ORNO's PDF. Holding registers, because the
 * settings are there as well; function 4 gives the same. The sums of both directions (0x0122, 0x0140) are left out: a setting
 * (0x100F) says what they count, and they can fall.
 */
const MEASURED_525 = [
  ...registersFrom(HOLDING, s32(-3), 0x0100, ['voltage', 'current']),
  ...registersFrom(HOLDING, s32(0), 0x0104, ['active_power', 'apparent_power', 'reactive_power']),
  register(HOLDING, s16(-1), 'frequency', 0x010a),
  register(HOLDING, s16(-3), 'power_factor', 0x010b),
];

const COMMON_525 = {
  ...COMMON,
  serial: EIGHT_N_ONE,
  unassigned: [0x010c, 0x010d],
  identify: [
    { functionCode: 3, address: 0x1003, type: 'u16', holds: { unit: true } },
    {
      functionCode: 3,
      address: 0x100c,
      type: 'u16',
      holds: { baudRates: { 9600: 6, 19200: 7, 38400: 8, 115200: 9 } },
    },
    { functionCode: 3, address: 0x010a, type: 's16', holds: { between: [450, 650] } },
  ],
} as const satisfies Partial<MeterModel>;

export const WE_525: MeterModel = {
  ...COMMON_525,
  name: 'we-525',
  title: 'OR-WE-525, one phase, 100 A, both directions',
  fields: [
    ...MEASURED_525,
    register(HOLDING, s32(-2), 'active_energy_import', 0x010e),
    register(HOLDING, s32(-2), 'active_energy_export', 0x0118),
    register(HOLDING, s32(-2), 'reactive_energy_import', 0x012c),
    register(HOLDING, s32(-2), 'reactive_energy_export', 0x0136),
  ],
};

export const WE_526: MeterModel = {
  ...COMMON_525,
  name: 'we-526',
  title: 'OR-WE-526, one phase, 100 A, both directions, tariffs and clock',
  fields: [
    ...MEASURED_525,
    ...registersFrom(HOLDING, s32(-2), 0x010e, [
      'active_energy_import',
      'active_energy_import_t1',
      'active_energy_import_t2',
      'active_energy_import_t3',
      'active_energy_import_t4',
      'active_energy_export',
      'active_energy_export_t1',
      'active_energy_export_t2',
      'active_energy_export_t3',
      'active_energy_export_t4',
    ]),
    ...registersFrom(HOLDING, s32(-2), 0x012c, [
      'reactive_energy_import',
      'reactive_energy_import_t1',
      'reactive_energy_import_t2',
      'reactive_energy_import_t3',
      'reactive_energy_import_t4',
      'reactive_energy_export',
      'reactive_energy_export_t1',
      'reactive_energy_export_t2',
      'reactive_energy_export_t3',
      'reactive_energy_export_t4',
    ]),
  ],
};
