import type { ByteField, ServiceTables, TariffPart, Unlock } from './tables.ts';

/**
 * Clock, tariffs and settings of ORNO's meters. What is written here has two sources at least, the maker's document being
 * one; what has one source is read only. Sources: PDF514 is ORNO's register description of the OR-WE-514 and 515 (in
 * gituser-rk/orno-modbus-mqtt, with additions in its issue 1), fargiolas/we515mqtt writes clock and tariffs of a WE-515,
 * CSchoch/OR_WE_Energy_Meter is a library for 514 to 517, groupsky/homy reads a 514, 516 and 526, fscara/Orno-WE514-SetId
 * and PeWu/orno_modbus change the unit of a 514 and a 504, ornosvc is a service that sets the clock of a 517.
 */

/**
 * Function 0x28 with the password 00000000 opens the settings for about 10 s: PeWu and homy for the 504, fscara for the 514.
 * How its reply looks nobody says.
 */
const UNLOCK = [0x28, 0xfe, 0x01, 0x00, 0x02, 0x04, 0x00, 0x00, 0x00, 0x00];

const SMALL_CODES = { 1200: 1, 2400: 2, 4800: 3, 9600: 4 };
const ONE_SOURCE = 'only one source describes it';

const TARIFF_POINT: readonly ByteField[] = ['hour', 'minute', 'tariff'];

/** PeWu, ivanovp and homy for the unit (at once; the reply comes from the new one), ivanovp and homy for the rate. */
export const SERVICE_504: ServiceTables = {
  unit: { address: 0x000f, type: 'u16', effect: 'at once' },
  line: {
    effect: 'at once, or after a restart',
    baudRate: { address: 0x000e, type: 'u16', codes: SMALL_CODES },
  },
  unlock: { frame: UNLOCK, when: 'first' },
};

/** PDF514, homy, CSchoch and fscara. On fscara's 514 the unit needs the unlocking; homy and CSchoch write without. */
const SETTINGS_514 = {
  unit: { address: 0x0110, type: 'u16', mask: 0x00ff, effect: 'at once' },
  line: {
    effect: 'after a restart',
    baudRate: { address: 0x0111, type: 'u16', mask: 0x00ff, codes: SMALL_CODES },
    parity: { address: 0x0111, type: 'u16', mask: 0xff00, codes: { none: 1, odd: 2, even: 3 } },
  },
  unlock: { frame: UNLOCK, when: 'refused' } satisfies Unlock,
} as const satisfies ServiceTables;

/** It takes a time and does not count on: no clock. */
export const SERVICE_514: ServiceTables = SETTINGS_514;

const part515 = (key: string, title: string, address: number): TariffPart => ({
  key,
  title,
  address,
  entries: 8,
  entry: ['hour', 'minute', 'zero', 'tariff'],
  digits: 'binary',
});

/**
 * Clock: PDF514 and fargiolas; CSchoch has its bytes in another order, against both. The weekday behind it is left to the
 * meter. Points: PDF514 and fargiolas for working days, the same layout after CSchoch for the others. Holidays are MMDD in
 * PDF514, which does not say how the digits lie.
 */
export const SERVICE_515: ServiceTables = {
  ...SETTINGS_514,
  clock: { address: 0x8120, bytes: ['year', 'month', 'day', 'hour', 'minute', 'second'], digits: 'binary' },
  tariffs: [
    part515('workday', 'working days', 0x8100),
    part515('weekend', 'Saturdays and Sundays', 0x8110),
    part515('holiday', 'holidays', 0x8130),
    {
      key: 'holidays',
      title: 'dates that are holidays',
      address: 0x8140,
      entries: 100,
      entry: ['month', 'day'],
      digits: 'unsaid',
    },
  ],
};

/** ornosvc, homy and CSchoch for the unit; CSchoch and homy for the rate, which stands there as it is. */
const SETTINGS_516 = {
  unit: { address: 0x0002, type: 'u16', effect: 'at once' },
  line: {
    effect: 'at once, or after a restart',
    baudRate: { address: 0x0003, type: 'u16', codes: { 1200: 1200, 2400: 2400, 4800: 4800, 9600: 9600 } },
  },
} as const satisfies ServiceTables;

export const SERVICE_516: ServiceTables = SETTINGS_516;

const dayTables = (address: number, readOnly?: string): TariffPart[] =>
  [1, 2, 3, 4, 5, 6, 7, 8].map((number) => ({
    key: `day${number}`,
    title: `day table ${number}`,
    address: address + 12 * (number - 1),
    entries: 8,
    entry: TARIFF_POINT,
    digits: 'bcd',
    ...(readOnly === undefined ? {} : { readOnly }),
  }));

/**
 * Clock: ornosvc and CSchoch. Tables: CSchoch ("tested"), as ORNO's list of the 526 has them; in which order day and month of
 * the seasons stand, CSchoch says both ways.
 */
export const SERVICE_517: ServiceTables = {
  ...SETTINGS_516,
  clock: {
    address: 0x003c,
    bytes: ['second', 'minute', 'hour', 'weekday', 'day', 'month', 'year', 'zero'],
    digits: 'bcd',
  },
  tariffs: [
    ...dayTables(0x0300),
    {
      key: 'seasons',
      title: 'day tables by date',
      address: 0x0360,
      entries: 8,
      entry: ['day', 'month', 'table'],
      digits: 'bcd',
      readOnly: 'sources disagree on the order of day and month',
    },
  ],
};

/** ivanovp, homy and pacho (pachobg2/energy_meter) for unit and rate, homy for the parity. */
const SETTINGS_525 = {
  unit: { address: 0x1003, type: 'u16', effect: 'at once, or after a restart' },
  line: {
    effect: 'after a restart',
    baudRate: { address: 0x100c, type: 'u16', codes: { 9600: 6, 19200: 7, 38400: 8, 115200: 9 } },
    parity: { address: 0x100d, type: 'u16', codes: { none: 0, odd: 1, even: 2 } },
  },
} as const satisfies ServiceTables;

export const SERVICE_525: ServiceTables = SETTINGS_525;

/** Clock: homy alone. Tables: ORNO's list, as homy and pacho have it, which does not say how the digits lie. */
export const SERVICE_526: ServiceTables = {
  ...SETTINGS_525,
  clock: {
    address: 0x1007,
    bytes: ['zero', 'year', 'month', 'day', 'weekday', 'hour', 'minute', 'second'],
    digits: 'bcd',
    readOnly: ONE_SOURCE,
  },
  tariffs: [
    ...dayTables(0x1700, ONE_SOURCE),
    {
      key: 'seasons',
      title: 'day tables by date',
      address: 0x1760,
      entries: 8,
      entry: ['month', 'day', 'table'],
      digits: 'bcd',
      readOnly: ONE_SOURCE,
    },
    {
      key: 'holidays',
      title: 'day tables of holidays',
      address: 0x176c,
      entries: 14,
      entry: ['month', 'day', 'table'],
      digits: 'bcd',
      readOnly: ONE_SOURCE,
    },
  ],
};
