import type { ServiceTables } from './tables.ts';

/**
 * Settings of Eastron's SDM120, 230 and 630: floats in holding registers, one a write, after the maker's protocols (SDM120
 * V2.4 and V2.5, SDM230 V1.1, SDM630 V1.8 and V2.0). That the unit changes at once is said by ESPEasy alone. None of them has
 * a clock; the schedule of an SDM230-2T has no known registers. Parity and stop bits are one setting: with one stop bit here.
 */
export const SERVICE_SDM: ServiceTables = {
  unit: { address: 0x0014, type: 'float32', effect: 'at once, or after a restart' },
  line: {
    effect: 'after a restart',
    baudRate: {
      address: 0x001c,
      type: 'float32',
      codes: { 2400: 0, 4800: 1, 9600: 2, 19200: 3, 38400: 4, 1200: 5 },
    },
    parity: { address: 0x0012, type: 'float32', codes: { none: 0, even: 1, odd: 2 } },
  },
  before: 'hold the button of the meter for 3 s until it shows -SET-',
};
