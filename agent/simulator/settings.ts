import { encodeRaw } from '../meters/codec.ts';
import { type Clue, clueWords, type Reached } from '../meters/identify.ts';
import type { FunctionCode, MeterModel } from '../meters/model.ts';

/** Registers that say what meter it is and how it is set, beside those that it measures. */
export interface Setting {
  functionCode: FunctionCode;
  address: number;
  count: number;
  registers: Buffer;
}

function contentOf({ holds }: Clue, { unit, baudRate }: Reached): number | undefined {
  if ('unit' in holds) return unit;
  if ('baudRates' in holds) return holds.baudRates[baudRate];
  return 'oneOf' in holds ? holds.oneOf[0] : undefined;
}

/** What the registers hold by which a model is recognised. */
export function settingsOf(model: MeterModel, reached: Reached): Setting[] {
  return model.identify.flatMap((clue) => {
    const raw = contentOf(clue, reached);
    if (raw === undefined) return [];
    const registers = encodeRaw({ type: clue.type, wordOrder: 'high-first', byteOrder: 'high-first' }, raw);
    return [{ functionCode: clue.functionCode, address: clue.address, count: clueWords(clue), registers }];
  });
}
