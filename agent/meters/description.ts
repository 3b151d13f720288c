import { METER_QUANTITIES, QUANTITIES } from '../readings/quantity.ts';
import type { Field, MeterModel, SerialDefaults } from './model.ts';
import { planReads } from './planner.ts';

/** `0x0130`, as manuals have it. */
export const hexAddress = (address: number): string => `0x${address.toString(16).toUpperCase().padStart(4, '0')}`;

/** `8E1`. */
export const frameText = ({ parity, stopBits }: SerialDefaults): string =>
  `8${parity.slice(0, 1).toUpperCase()}${stopBits}`;

/** Bytes as they come over the line, A the one with the highest digits: `ABCD`, `CDAB`. */
export function orderText({ words, wordOrder, byteOrder }: Field): string {
  const letters = 'ABCDEFGH'.slice(0, words * 2);
  const pairs = letters.match(/../g) ?? [];
  const ordered = wordOrder === 'high-first' ? pairs : [...pairs].reverse();
  return ordered.map((pair) => (byteOrder === 'high-first' ? pair : [...pair].reverse().join(''))).join('');
}

export const spaceText = ({ functionCode }: Pick<Field, 'functionCode'>): 'holding' | 'input' =>
  functionCode === 3 ? 'holding' : 'input';

/** Columns in line, each as wide as its widest cell. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** All models, a line each. */
export function modelsText(models: readonly MeterModel[]): string {
  const rows = models.map(({ name, maker, title, phases, serial }) => [
    name,
    `${maker} ${title}`.trim(),
    String(phases),
    `${serial.baudRate} ${frameText(serial)}`,
    String(serial.unit),
  ]);
  return tableText([['model', 'meter', 'phases', 'serial', 'unit'], ...rows]);
}

/** All quantities that a register can hold, with unit and meaning. */
export function quantitiesText(): string {
  const rows = METER_QUANTITIES.map((name) => [name, QUANTITIES[name].unit, QUANTITIES[name].label]);
  return tableText([['quantity', 'unit', 'meaning'], ...rows]);
}

/** One model with its registers. */
export function modelText(model: MeterModel): string {
  const { name, maker, title, serial, maxBlock, maxPowerVA, pauseMs, responseMs } = model;
  const limits = [
    `at most ${maxBlock} registers a read, ${maxPowerVA} VA`,
    ...(pauseMs > 0 ? [`${pauseMs} ms of silence before a request`] : []),
    ...(responseMs === undefined ? [] : [`up to ${responseMs} ms to begin an answer`]),
  ];
  const head = [
    ['model', `${name}: ${`${maker} ${title}`.trim()}`],
    ['serial', `${serial.baudRate} baud ${frameText(serial)}, unit ${serial.unit}`],
    ['limits', limits.join(', ')],
    ['reads', readsText(model)],
  ];
  const rows = [...model.fields].map((field) => [
    spaceText(field),
    hexAddress(field.address),
    String(field.address),
    field.type,
    orderText(field),
    String(field.scale),
    QUANTITIES[field.quantity].unit,
    `${field.min} to ${field.max}`,
    field.quantity,
  ]);
  const titles = ['space', 'address', '', 'type', 'order', 'scale', 'unit', 'possible', 'quantity'];
  return `${tableText(head)}\n${tableText([titles, ...rows])}`;
}

/** What a reading of everything asks for, and how long that takes on the line. */
function readsText({ fields, serial, maxBlock, pauseMs }: MeterModel): string {
  const { baudRate, parity, stopBits } = serial;
  const characterMs = ((9 + (parity === 'none' ? 0 : 1) + stopBits) * 1000) / baudRate;
  // Request and reply with the silence of 3.5 characters before each (Modbus over serial line V1.02, 2.5.1.1).
  const lineMs = (count: number) => (8 + 5 + 2 * count + 7) * characterMs;
  const { blocks } = planReads(fields, { cost: (count) => lineMs(count) + Math.max(20, pauseMs), maxBlock });
  const ms = blocks.reduce((sum, { count }) => sum + lineMs(count) + pauseMs, 0);
  const shapes = blocks.map(({ address, count }) => `${hexAddress(address)}+${count}`);
  return `${shapes.join(', ')}: ${Math.round(ms)} ms on the line at ${baudRate} baud, and the meter's own delay`;
}
