import { expect, test } from 'vitest';
import { CASES, type Case } from '../../agent/simulator/case-names.ts';
import { doctor, simulated } from '../support/doctor.ts';

const WHOLE_SEARCH_MS = 180_000;
/** As many at a time as two cores play without a reply being late. */
const AT_ONCE = 4;

interface Played {
  name: Case;
  /** How long to measure: as short as tells the case. */
  measured?: string;
  code: number;
  texts: RegExp[];
}

const PLAYED: Played[] = [
  {
    name: 'silent',
    code: 69,
    texts: [
      /fault no-answer: nothing answers: \d+ requests, not one byte came back/,
      /1\. look whether the meter has power.*\n +2\. swap the wires A and B/,
    ],
  },
  { name: 'swapped', code: 69, texts: [/fault swapped: the line idles the wrong way/, /1\. swap the wires A and B/] },
  { name: 'other-baud', code: 0, texts: [/found +4800 baud 8E1, unit 1/, /note not-factory/, /baudRate: 4800/] },
  { name: 'other-parity', code: 0, texts: [/found +9600 baud 8O1, unit 1/, /note not-factory/, /parity: odd/] },
  { name: 'any-parity', code: 0, texts: [/found +9600 baud 8E1/, /note any-parity: .* parity none as well/] },
  { name: 'other-unit', code: 0, texts: [/found +9600 baud 8E1, unit 17/, /unit: 17/] },
  { name: 'noise', measured: '9s', code: 69, texts: [/fault noise: /, /ground \(G, C\)/] },
  {
    name: 'no-termination',
    measured: '9s',
    code: 69,
    texts: [/fault termination: long replies are damaged more/, /1\. put 120 ohm/],
  },
  {
    name: 'two-meters',
    code: 69,
    texts: [/fault collision: something answers at 9600 baud, parity even, unit 1/, /1\. leave one meter/],
  },
  { name: 'other-master', code: 69, texts: [/fault other-master: somebody else asks/, /a line has one master/] },
  { name: 'echo', code: 0, texts: [/note echo: the adapter hears itself/, /good: the line is good/] },
  { name: 'slow', measured: '3s', code: 0, texts: [/note slow: it takes up to \d+ ms/, /responseTimeout: \d+ms/] },
  { name: 'dead-adapter', code: 69, texts: [/fault dead-adapter: .* takes no bytes/, /1\. pull the adapter out/] },
];

test(
  'each state of a line over a real pseudo-terminal: what is wrong, and what to do',
  {
    timeout: WHOLE_SEARCH_MS,
  },
  async () => {
    const waiting = [...PLAYED];
    const play = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const { name, measured = '1s', code, texts } = next;
        const link = await simulated('--case', name);
        const ended = await doctor('--port', link, '--for', measured);
        for (const text of texts) expect(ended.out, name).toMatch(text);
        expect([name, ended.code, ended.err]).toEqual([name, code, '']);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, play));
  },
);

test('each state that the simulator knows is played here', () => {
  expect(PLAYED.map(({ name }) => name).sort()).toEqual([...CASES].sort());
});
