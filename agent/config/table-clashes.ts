import { MAX_REGISTERS, REGISTER_TYPES, type RegisterType, TYPE_WORDS } from '../meters/model.ts';
import { METER_QUANTITIES, QUANTITIES, type Quantity } from '../readings/quantity.ts';
import type { Clash } from './backup-clashes.ts';
import { defaultRange, factorTo, holdable } from './table-fields.ts';
import { FUNCTIONS, TYPE_ALIASES } from './table-schema.ts';

const END_OF_SPACE = 65_536;

/** As much of a register as is right: its mistakes are named elsewhere, and must not hide those between registers. */
interface Known {
  path: PropertyKey[];
  quantity: Quantity | undefined;
  type: RegisterType | undefined;
  words: number | undefined;
  address: number | undefined;
  functionCode: unknown;
  raw: Record<string, unknown>;
}

/** Mistakes of a table that lie between two of its keys, or two registers. */
export function findTableClashes(content: unknown): Clash[] {
  if (!isRecord(content) || !Array.isArray(content.registers)) return [];
  const registers = (content.registers as unknown[]).flatMap((raw, i) =>
    isRecord(raw) ? [known(raw, ['registers', i], content.function ?? 'holding')] : [],
  );
  const maxPower = isPositive(content.maxPower) ? content.maxPower : undefined;
  const maxBlock = isPositive(content.maxBlock) ? content.maxBlock : MAX_REGISTERS;
  return [
    ...registers.flatMap((register) => [
      ...extentClashes(register, maxBlock),
      ...unitClashes(register),
      ...rangeClashes(register, maxPower),
    ]),
    ...doubles(registers),
    ...overlaps(registers),
  ];
}

function known(raw: Record<string, unknown>, path: PropertyKey[], tableFunction: unknown): Known {
  const given = raw.function ?? tableFunction;
  const name = TYPE_ALIASES[String(raw.type)] ?? raw.type;
  const type = REGISTER_TYPES.find((one) => one === name);
  return {
    path,
    raw,
    quantity: METER_QUANTITIES.find((one) => one === raw.quantity),
    type,
    words: type && TYPE_WORDS[type],
    address: isAddress(raw.address) ? raw.address : undefined,
    functionCode: typeof given === 'string' ? FUNCTIONS[given as keyof typeof FUNCTIONS] : given,
  };
}

function extentClashes({ path, raw, type, words, address }: Known, maxBlock: number): Clash[] {
  if (type === undefined || words === undefined) return [];
  const clashes: Clash[] = [];
  if ([1, 2, 4].includes(raw.words as number) && raw.words !== words) {
    const message = `is ${raw.words}, ${type} takes ${words}; leave it out, or write the type that has ${raw.words}`;
    clashes.push({ path: [...path, 'words'], message });
  }
  if (address !== undefined && address + words > END_OF_SPACE) {
    const message = `is ${address}, from where ${type} would end beyond 65535; write the first of its ${words} registers`;
    clashes.push({ path: [...path, 'address'], message });
  }
  if (words > maxBlock) {
    const message = `is ${type}, which takes ${words} registers; maxBlock allows ${maxBlock} in one read`;
    clashes.push({ path: [...path, 'type'], message });
  }
  return clashes;
}

/** Nothing is converted behind the person's back: where the unit is a multiple of ours, the scale says so. */
function unitClashes({ path, raw, quantity }: Known): Clash[] {
  if (quantity === undefined || (raw.unit !== undefined && typeof raw.unit !== 'string')) return [];
  const own = QUANTITIES[quantity].unit;
  const given = raw.unit ?? '';
  if (given === own) return [];
  const at = [...path, 'unit'];
  if (raw.unit === undefined) return [{ path: at, message: `is missing; write unit: ${own}, and the scale for it` }];
  if (own === '') return [{ path: at, message: `is ${JSON.stringify(given)}, ${quantity} has none; leave it out` }];
  const factor = factorTo(own, given);
  const scale = typeof raw.scale === 'number' ? raw.scale : 1;
  const remedy =
    factor === undefined
      ? `write unit: ${own}, or another quantity`
      : `write unit: ${own} and scale: ${Number((scale * factor).toPrecision(12))}, which is ${scale} x ${factor}`;
  return [{ path: at, message: `is ${JSON.stringify(given)}, ${quantity} is kept in ${own}; ${remedy}` }];
}

function rangeClashes({ path, raw, quantity, type }: Known, maxPower: number | undefined): Clash[] {
  if (quantity === undefined || (maxPower === undefined && (raw.min === undefined || raw.max === undefined))) return [];
  const usual = defaultRange(quantity, maxPower ?? 0);
  const min = typeof raw.min === 'number' ? raw.min : usual.min;
  const max = typeof raw.max === 'number' ? raw.max : usual.max;
  if (min >= max) {
    const key = raw.min === undefined ? 'max' : 'min';
    const message = `is ${raw[key]}, with a range from ${min} to ${max} no value is possible; write min below max`;
    return [{ path: [...path, key], message }];
  }
  const scale = raw.scale ?? 1;
  if (typeof scale !== 'number' || scale === 0 || !Number.isFinite(scale)) return [];
  const at = [...path, 'scale'];
  if (scale < 0 && QUANTITIES[quantity].kind === 'counter') {
    return [{ path: at, message: `is ${scale}, so ${quantity} would only fall; write it without its sign` }];
  }
  const range = type && holdable(type, scale);
  if (!range) return [];
  const step = Math.abs(scale);
  if (step > max - min) {
    const message = `is ${scale}, one step is more than all that is possible (${min} to ${max}); write the value of one raw step`;
    return [{ path: at, message }];
  }
  if (range.most >= min && range.least <= max) return [];
  const message = `is ${scale}, ${type} then holds ${range.least} to ${range.most}, possible is ${min} to ${max}; write the value of one raw step`;
  return [{ path: at, message }];
}

function doubles(registers: readonly Known[]): Clash[] {
  const first = new Map<string, Known>();
  return registers.flatMap((register) => {
    const { path, quantity } = register;
    const before = quantity && first.get(quantity);
    if (quantity && !before) first.set(quantity, register);
    if (!before) return [];
    const message = `is ${JSON.stringify(quantity)}, as is ${textOf(before)}; keep one of both`;
    return [{ path: [...path, 'quantity'], message }];
  });
}

function overlaps(registers: readonly Known[]): Clash[] {
  return registers.flatMap((register, i) => {
    const other = registers.slice(0, i).find((before) => overlap(before, register));
    if (!other || register.address === undefined) return [];
    const last = (other.address ?? 0) + (other.words ?? 1) - 1;
    const message = `is ${register.address}, its registers overlap ${textOf(other)} (${other.address} to ${last}); correct one of both addresses or types`;
    return [{ path: [...register.path, 'address'], message }];
  });
}

function overlap(a: Known, b: Known): boolean {
  if (a.functionCode !== b.functionCode || a.address === undefined || b.address === undefined) return false;
  return a.address < b.address + (b.words ?? 1) && b.address < a.address + (a.words ?? 1);
}

const textOf = ({ path }: Known) => `registers[${String(path[1])}]`;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isPositive = (value: unknown): value is number => typeof value === 'number' && value > 0;
const isAddress = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < END_OF_SPACE;
