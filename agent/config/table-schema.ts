import { z } from 'zod';
import { MAX_REGISTERS, ORDERS, REGISTER_TYPES, type RegisterType } from '../meters/model.ts';
import { MODEL_NAMES } from '../meters/model-names.ts';
import { METER_QUANTITIES } from '../readings/quantity.ts';
import { duration, oneOf, wholeNumber } from './fields.ts';
import { BAUD_RATES } from './scalars.ts';
import { meantOr } from './suggestion.ts';

/** Spaces by their names in the standard, and by their function codes. */
export const FUNCTIONS = { holding: 3, input: 4 } as const;
const FUNCTION_HINT = 'use holding (function code 3) or input (4)';
const registerSpace = z
  .literal(['holding', 'input', 3, 4], { error: FUNCTION_HINT })
  .transform((given) => (typeof given === 'number' ? given : FUNCTIONS[given]));

/** Names that other programs use. */
export const TYPE_ALIASES: Readonly<Record<string, RegisterType>> = {
  uint16: 'u16',
  int16: 's16',
  uint32: 'u32',
  int32: 's32',
  uint64: 'u64',
  int64: 's64',
};

const QUANTITY_HINT = 'names are printed by: energy-monitor meter quantities';
const quantity = z.literal(METER_QUANTITIES, { error: ({ input }) => meantOr(QUANTITY_HINT, input, METER_QUANTITIES) });

const TYPE_NAMES = [...REGISTER_TYPES, ...Object.keys(TYPE_ALIASES)];
const type = z
  .literal(TYPE_NAMES, { error: ({ input }) => meantOr(`use one of ${REGISTER_TYPES.join(', ')}`, input, TYPE_NAMES) })
  .transform((given) => TYPE_ALIASES[given] ?? (given as RegisterType));

const order = (whole: string) =>
  z.literal([...ORDERS], { error: `use one of ${ORDERS.join(', ')} (the ${whole} with the highest digits)` });

const SCALE = { least: 1e-9, most: 1e9 };
const SCALE_HINT = 'write the value of one raw step in the unit, from 1e-9 to 1e9, such as 0.01';
const scale = z
  .number({ error: SCALE_HINT })
  .refine((factor) => Math.abs(factor) >= SCALE.least && Math.abs(factor) <= SCALE.most, { error: SCALE_HINT });

const address = wholeNumber(0, 65_535);
const limit = z.number({ error: 'write a number in the unit of the quantity' });
const text = z.string({ error: 'write a text' }).min(1, { error: 'write a text' });

const register = z.strictObject(
  {
    quantity,
    address,
    type,
    function: registerSpace.optional(),
    words: z.literal([1, 2, 4], { error: 'use 1, 2 or 4, or leave it out: the type says it' }).optional(),
    wordOrder: order('word').optional(),
    byteOrder: order('byte').optional(),
    scale: scale.default(1),
    unit: z.string({ error: 'write the unit as text, such as W' }).optional(),
    decimals: wholeNumber(0, 9).optional(),
    min: limit.optional(),
    max: limit.optional(),
  },
  { error: 'write the register as a mapping with quantity, address, type and unit' },
);

const POWER_HINT = 'write the greatest apparent power that the meter can count, of all phases, in VA, such as 36000';
const TABLE_HINT = 'write a mapping with name, maxPower and registers at least';

/** A register table by the user. */
export const tableSchema = z.strictObject(
  {
    name: z
      .string({ error: 'give the meter a name, such as my-meter' })
      .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, { error: 'use small letters, digits, _ . - only, at most 63' })
      .refine((name) => !(MODEL_NAMES as readonly string[]).includes(name), {
        error: 'that is a meter which is built in; give yours another name',
      }),
    maker: text.optional(),
    title: text.optional(),
    phases: oneOf([1, 3]).default(1),
    serial: z
      .strictObject(
        {
          baudRate: oneOf(BAUD_RATES).default(9600),
          parity: oneOf(['none', 'even', 'odd']).default('none'),
          stopBits: oneOf([1, 2]).default(1),
          unit: wholeNumber(1, 247).default(1),
        },
        { error: 'write how the meter leaves the factory, such as {baudRate: 9600, parity: none}' },
      )
      .prefault({}),
    function: registerSpace.default(3),
    wordOrder: order('word').default('high-first'),
    byteOrder: order('byte').default('high-first'),
    maxPower: z.number({ error: POWER_HINT }).positive({ error: POWER_HINT }).max(1e12, { error: POWER_HINT }),
    maxBlock: wholeNumber(1, MAX_REGISTERS).default(MAX_REGISTERS),
    pause: duration(0, 1000, '0ms to 1s').default(0),
    responseTimeout: duration(20, 10_000, '20ms to 10s').optional(),
    unassigned: z.array(address, { error: 'list addresses' }).default([]),
    registers: z
      .array(register, { error: 'list at least one register' })
      .min(1, { error: 'list at least one register' }),
  },
  { error: TABLE_HINT },
);

export type Table = z.infer<typeof tableSchema>;
export type TableRegister = Table['registers'][number];

/** Keys that may stand at a path of a table. */
export function tableKeysAt(at: readonly PropertyKey[]): string[] {
  if (at.length === 0) return Object.keys(tableSchema.shape);
  if (at[0] === 'registers') return Object.keys(register.shape);
  return at[0] === 'serial' ? ['baudRate', 'parity', 'stopBits', 'unit'] : [];
}
