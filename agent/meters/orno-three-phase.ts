import type { Quantity } from '../readings/quantity.ts';
import type { Limits } from './limits.ts';
import type { MeterModel } from './model.ts';
import { type Encoding, registersFrom, type Space } from './registers.ts';

const MAX_POWER_VA = 90_000;
/** A phase that is not connected, or has failed, has 0 V. */
const EIGHTY_AMPERES: Limits = { voltage: [0, 320], current: 100, powerVA: MAX_POWER_VA, energy: 9_999_999 };
const HOLDING: Space = { functionCode: 3, limits: EIGHTY_AMPERES };

const float = (decimals: number): Encoding => ({ type: 'float32', exponent: 0, decimals });
/** Powers come in kW, kvar and kVA. */
const KILO: Encoding = { type: 'float32', exponent: 3, decimals: 1 };
const ENERGY = float(3);

const withPhases = <const Name extends string>(name: Name) =>
  [name, `${name}_l1`, `${name}_l2`, `${name}_l3`] as const satisfies readonly string[];

/**
 * ORNO OR-WE-516 and OR-WE-517, three phases, 80 A; both are a YTL DTS353F. After YTL's Modbus description of it, mbmd
 * (orno3p), CSchoch/OR_WE_Energy_Meter, groupsky/homy (a 516 in use) and tuomoko/pigateway, which agree. The sums of both
 * directions (0x0100, 0x0118 and those of the tariffs) are left out: a setting says what they count, and they can fall. That
 * export is a negative power is implied by the counters; no source shows one.
 */
const MEASURED = [
  ...registersFrom(HOLDING, float(2), 0x000e, ['voltage_l1', 'voltage_l2', 'voltage_l3', 'frequency']),
  ...registersFrom(HOLDING, float(3), 0x0016, ['current_l1', 'current_l2', 'current_l3']),
  ...registersFrom(HOLDING, KILO, 0x001c, [
    ...withPhases('active_power'),
    ...withPhases('reactive_power'),
    ...withPhases('apparent_power'),
  ]),
  ...registersFrom(HOLDING, float(3), 0x0034, withPhases('power_factor')),
  ...registersFrom(HOLDING, ENERGY, 0x0108, [
    ...withPhases('active_energy_import'),
    ...withPhases('active_energy_export'),
  ]),
  ...registersFrom(HOLDING, ENERGY, 0x0120, [
    ...withPhases('reactive_energy_import'),
    ...withPhases('reactive_energy_export'),
  ]),
];

/** Six counters a tariff; the first and the fourth are sums of both directions. */
const TARIFFS = [1, 2, 3, 4].flatMap((tariff) => {
  const base = 0x0130 + 0x0c * (tariff - 1);
  const both = (name: 'active_energy' | 'reactive_energy') =>
    [`${name}_import_t${tariff}`, `${name}_export_t${tariff}`] as Quantity[];
  return [
    ...registersFrom(HOLDING, ENERGY, base + 2, both('active_energy')),
    ...registersFrom(HOLDING, ENERGY, base + 8, both('reactive_energy')),
  ];
});

const COMMON = {
  maker: 'ORNO',
  phases: 3,
  serial: { baudRate: 9600, parity: 'even', stopBits: 1, unit: 1 },
  unassigned: [],
  maxPowerVA: MAX_POWER_VA,
  /** homy reads 60 at 0x0000 and 48 at 0x0100 of a 516, its first version read 67. */
  maxBlock: 67,
  pauseMs: 0,
  /** mbmd's 300 ms were too few under load, 600 ms were enough (PR 258, issue 266). */
  responseMs: 600,
  identify: [
    { functionCode: 3, address: 0x0002, type: 'u16', holds: { unit: true } },
    {
      functionCode: 3,
      address: 0x0003,
      type: 'u16',
      holds: { baudRates: { 1200: 1200, 2400: 2400, 4800: 4800, 9600: 9600 } },
    },
    { functionCode: 3, address: 0x0014, type: 'float32', holds: { between: [45, 65] } },
  ],
} as const satisfies Partial<MeterModel>;

export const WE_516: MeterModel = {
  ...COMMON,
  name: 'we-516',
  title: 'OR-WE-516, three phases, 80 A, both directions',
  fields: MEASURED,
};

export const WE_517: MeterModel = {
  ...COMMON,
  name: 'we-517',
  title: 'OR-WE-517, three phases, 80 A, both directions, tariffs and clock',
  fields: [...MEASURED, ...TARIFFS],
};
