import { hexAddress, spaceText, tableText } from '../meters/description.ts';
import { QUANTITIES } from '../readings/quantity.ts';
import type { RegisterValue } from './read-all.ts';

/** A line a register: where it is, what it holds, what that means. */
export function readText(values: readonly RegisterValue[]): string {
  const rows = values.map(({ field, words, value, problem }) => [
    spaceText(field),
    hexAddress(field.address),
    words?.join(' ') ?? '-',
    value === undefined ? '-' : value.toFixed(field.decimals),
    QUANTITIES[field.quantity].unit,
    `${field.quantity}${remark(problem, value, field)}`,
  ]);
  return tableText([['space', 'address', 'words', 'value', 'unit', 'quantity'], ...rows]);
}

function remark(problem: string | undefined, value: number | undefined, { min, max }: RegisterValue['field']): string {
  if (problem !== undefined) return `  (${problem})`;
  return value !== undefined && (value < min || value > max) ? `  (possible is ${min} to ${max})` : '';
}

/** The same for programs. */
export function readJson(values: readonly RegisterValue[]): unknown[] {
  return values.map(({ field, words, value, problem }) => ({
    quantity: field.quantity,
    space: spaceText(field),
    address: field.address,
    words: words ?? null,
    value: value ?? null,
    unit: QUANTITIES[field.quantity].unit,
    ...(problem === undefined ? {} : { problem }),
  }));
}
