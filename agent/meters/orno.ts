import type { Quantity } from '../readings/quantity.ts';
import type { Field, MeterModel } from './model.ts';

/**
 * ORNO OR-WE-514 and OR-WE-515, one phase, 100 A, as the maker's register description has them (Modbus register table of
 * OR-WE-514/515). Powers and power factor are signed: export is negative. Energies are 32-bit: their low word alone wraps
 * at 655.35 kWh.
 */
const gauge = (
  quantity: Quantity,
  address: number,
  words: 1 | 2,
  decimals: number,
  min: number,
  max: number,
): Field => ({ quantity, address, words, signed: min < 0, decimals, min, max });

const counter = (quantity: Quantity, address: number): Field => ({
  quantity,
  address,
  words: 2,
  signed: false,
  decimals: 2,
  min: 0,
  max: 999_999.99,
});

const MAX_POWER_VA = 36_000;

const INSTANTANEOUS: readonly Field[] = [
  gauge('frequency', 0x0130, 1, 2, 40, 70),
  gauge('voltage', 0x0131, 1, 2, 80, 320),
  gauge('current', 0x0139, 2, 3, -120, 120),
  gauge('active_power', 0x0140, 2, 0, -MAX_POWER_VA, MAX_POWER_VA),
  gauge('reactive_power', 0x0148, 2, 0, -MAX_POWER_VA, MAX_POWER_VA),
  gauge('apparent_power', 0x0150, 2, 0, -MAX_POWER_VA, MAX_POWER_VA),
  gauge('power_factor', 0x0158, 1, 3, -1, 1),
];

/** The table assigns 0x0130-0x015B (phases 2 and 3 of the siblings) but for these. */
const UNASSIGNED = [0x0134, 0x0135, 0x0136, 0x0137, 0x0138, 0x013f];

export const WE_514: MeterModel = {
  name: 'we-514',
  unassigned: UNASSIGNED,
  functionCode: 3,
  maxPowerVA: MAX_POWER_VA,
  fields: [...INSTANTANEOUS, counter('active_energy', 0xa000), counter('reactive_energy', 0xa01e)],
};

export const WE_515: MeterModel = {
  name: 'we-515',
  unassigned: UNASSIGNED,
  functionCode: 3,
  maxPowerVA: MAX_POWER_VA,
  fields: [
    ...INSTANTANEOUS,
    counter('active_energy', 0xa000),
    counter('active_energy_t1', 0xa002),
    counter('active_energy_t2', 0xa004),
    counter('active_energy_t3', 0xa006),
    counter('active_energy_t4', 0xa008),
    counter('reactive_energy', 0xa01e),
    counter('reactive_energy_t1', 0xa020),
    counter('reactive_energy_t2', 0xa022),
    counter('reactive_energy_t3', 0xa024),
    counter('reactive_energy_t4', 0xa026),
  ],
};
