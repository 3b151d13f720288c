import { hexAddress, spaceText } from '../meters/description.ts';
import type { Field, MeterModel } from '../meters/model.ts';
import { QUANTITIES } from '../readings/quantity.ts';

/** What stands once for the whole table: what its first register has. */
type Common = Pick<Field, 'functionCode' | 'wordOrder' | 'byteOrder'>;

const quoted = (text: string) => JSON.stringify(text);

/**
 * A model as a register table of the user, to start from.
 * @param name of the new table; that of the model itself is taken when it is built in
 */
export function tableYaml(model: MeterModel, name: string): string {
  const { maker, title, phases, serial, fields, unassigned, maxPowerVA, maxBlock, pauseMs, responseMs } = model;
  const { baudRate, parity, stopBits, unit } = serial;
  const [first] = fields;
  if (!first) throw new RangeError('a model has at least one register');
  return `# A register table for energy-monitor; name this file as model of a meter in the configuration.
# What each key means: agent/meters/README.md
name: ${name}
${maker === '' ? '' : `maker: ${quoted(maker)}\n`}title: ${quoted(title)}
phases: ${phases}
serial: {baudRate: ${baudRate}, parity: ${parity}, stopBits: ${stopBits}, unit: ${unit}}
function: ${spaceText(first)}
wordOrder: ${first.wordOrder}
byteOrder: ${first.byteOrder}
maxPower: ${maxPowerVA}
maxBlock: ${maxBlock}
pause: ${pauseMs}ms
${responseMs === undefined ? '' : `responseTimeout: ${responseMs}ms\n`}unassigned: [${unassigned.map(hexAddress).join(', ')}]
registers:
${fields.map((field) => `  - {${registerText(field, first)}}\n`).join('')}`;
}

function registerText(field: Field, common: Common): string {
  const { quantity, address, type, wordOrder, byteOrder, scale, decimals, min, max } = field;
  const { unit } = QUANTITIES[quantity];
  const pairs: [string, string | number][] = [
    ['quantity', quantity],
    ['address', hexAddress(address)],
    ['type', type],
    ...(field.functionCode === common.functionCode ? [] : [['function', spaceText(field)] as [string, string]]),
    ...(wordOrder === common.wordOrder ? [] : [['wordOrder', wordOrder] as [string, string]]),
    ...(byteOrder === common.byteOrder ? [] : [['byteOrder', byteOrder] as [string, string]]),
    ['scale', scale],
    ...(unit === '' ? [] : [['unit', unit] as [string, string]]),
    ['decimals', decimals],
    ['min', min],
    ['max', max],
  ];
  return pairs.map(([key, value]) => `${key}: ${value}`).join(', ');
}
