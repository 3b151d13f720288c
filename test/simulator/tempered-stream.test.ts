import { expect, test } from 'vitest';
import { MODELS } from '../../agent/meters/catalogue.ts';
import { CASES } from '../../agent/simulator/case-names.ts';
import { playedBy } from '../../agent/simulator/cases.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { type Temper, TemperedStream } from '../../agent/simulator/tempered-stream.ts';
import type { TerminalSettings } from '../../agent/system/termios.ts';

const EVEN: TerminalSettings = { baudRate: 9600, parity: 'even', stopBits: 1 };
const NONE: TerminalSettings = { ...EVEN, parity: 'none' };
const ODD: TerminalSettings = { ...EVEN, parity: 'odd' };
/** One, two and three ones. */
const BYTES = Buffer.from([0x01, 0x03, 0x07]);

/** What passes to the meter and back, with a reader that is set in a way. */
function passed(temper: Temper, reader: TerminalSettings | undefined) {
  const written: Buffer[] = [];
  const heard: Buffer[] = [];
  let send: (chunk: Buffer) => void = () => {};
  const stream = new TemperedStream(
    {
      onData: (listener) => {
        send = listener;
      },
      write: (bytes) => void written.push(bytes),
      reader: () => reader,
    },
    temper,
    seededRandom(1),
  );
  stream.onData((chunk) => void heard.push(chunk));
  send(BYTES);
  stream.write(BYTES);
  stream.stop();
  return { heard: Buffer.concat(heard).toString('hex'), read: Buffer.concat(written).toString('hex') };
}

test.for<[string, Temper, TerminalSettings | undefined, string, string]>([
  ['no temper', {}, NONE, '010307', '010307'],
  ['set alike', { set: EVEN }, EVEN, '010307', '010307'],
  ['another rate', { set: EVEN }, { ...EVEN, baudRate: 2400 }, '', ''],
  ['another parity is not heard', { set: EVEN }, NONE, '', '010307'],
  ['a line whose settings nobody knows', { set: EVEN }, undefined, '010307', '010307'],
  ['any parity: a reader that checks none gets all', { set: EVEN, ignoresParity: true }, NONE, '010307', '010307'],
  ['any parity: the other one is wrong for each byte', { set: EVEN, ignoresParity: true }, ODD, '010307', '000000'],
  [
    'no parity is a high bit: right for odd numbers of ones',
    { set: NONE, ignoresParity: true },
    EVEN,
    '010307',
    '010007',
  ],
  ['and for even ones', { set: NONE, ignoresParity: true }, ODD, '010307', '000300'],
  ['mute', { isMute: true }, EVEN, '', '010307'],
  ['echo', { echoes: true }, EVEN, '010307', '010307010307'],
])('%s', ([, temper, reader, heard, read]) => {
  expect(passed(temper, reader)).toEqual({ heard, read });
});

test('damage is seeded, and as often as asked', () => {
  const damaged = (byteErrors: number) => passed({ byteErrors }, EVEN).read;
  expect(damaged(0)).toBe('010307');
  expect(damaged(1)).not.toBe('010307');
  expect(damaged(0.5)).toBe(damaged(0.5));
});

test('each case can be played by each model, with settings that are not those of the factory where it says so', () => {
  for (const model of MODELS) {
    for (const name of CASES) {
      const { serial } = playedBy(name, model);
      for (const [key, value] of Object.entries(serial ?? {})) {
        expect(value, `${model.name} ${name}`).not.toBe(model.serial[key as keyof typeof model.serial]);
      }
    }
  }
});
