import type { MeterModel, SerialDefaults } from '../meters/model.ts';
import type { Case } from './case-names.ts';
import type { Temper } from './tempered-stream.ts';

/** What a case changes: how the meter is set, and how the line behaves. */
export interface Played {
  serial?: Partial<SerialDefaults>;
  turnaroundMs?: number;
  temper: Temper;
}

/** A rate that the meter can be set to, and that is not the factory's. */
function otherBaudRate({ identify, serial }: MeterModel): number {
  const codes = identify.flatMap(({ holds }) => ('baudRates' in holds ? Object.keys(holds.baudRates) : []));
  const others = codes.map(Number).filter((rate) => rate !== serial.baudRate);
  return Math.max(...(others.length > 0 ? others : [19_200]));
}

const CASES: Readonly<Record<Case, (model: MeterModel) => Played>> = {
  silent: () => ({ temper: { isMute: true } }),
  // The pair idles the wrong way round: each time nobody drives it, the receiver sees a break.
  swapped: () => ({ temper: { isMute: true, hasBreaks: true } }),
  'other-baud': (model) => ({ serial: { baudRate: otherBaudRate(model) }, temper: {} }),
  'other-parity': (model) => ({ serial: { parity: model.serial.parity === 'odd' ? 'even' : 'odd' }, temper: {} }),
  'any-parity': () => ({ temper: { ignoresParity: true } }),
  'other-unit': () => ({ serial: { unit: 17 }, temper: {} }),
  noise: () => ({ temper: { byteErrors: 0.003, straysPerSecond: 12 } }),
  // Reflections: each byte has the same small chance, so that long replies suffer.
  'no-termination': () => ({ temper: { byteErrors: 0.003 } }),
  'two-meters': () => ({ temper: { byteErrors: 0.4 } }),
  'other-master': () => ({ temper: { hasOtherMaster: true } }),
  echo: () => ({ temper: { echoes: true } }),
  slow: () => ({ turnaroundMs: 450, temper: {} }),
  'dead-adapter': () => ({ temper: { isJammed: true } }),
};

export function playedBy(name: Case, model: MeterModel): Played {
  return CASES[name](model);
}
