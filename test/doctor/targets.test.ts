import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../agent/config/load.ts';
import { runDoctor } from '../../agent/doctor/doctor.ts';
import { visitsOf } from '../../agent/doctor/targets.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { PtyLine } from '../../agent/simulator/pty-line.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { restlessLoad } from '../support/restless-load.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A line with a WE-515 at each unit. */
function lineWith(...units: number[]): PtyLine {
  const meters = units.map((unit) => {
    const options = { model: WE_515, load: restlessLoad(unit, 86_400_000), reached: { ...WE_515.serial, unit } };
    return [unit, new VirtualMeter(options, Date.now())] as const;
  });
  const slave = new Slave(new Map(meters));
  const line = new PtyLine(join(temporaryDirectory(), 'meter'), { random: seededRandom(1), slave });
  onTestFinished(() => line.close());
  return line;
}

test('several meters of one line: each is checked, and another meter of the configuration stands in for none', async () => {
  const { linkPath } = lineWith(1, 2, 9);
  const meters = [1, 2, 7].map((unit) => ({
    name: `m${unit}`,
    model: 'we-515',
    unit,
    connection: { serial: linkPath },
  }));
  const visits = visitsOf(parseConfig(JSON.stringify({ meters }), 'config.yaml'));
  expect(visits.map(({ otherUnits }) => otherUnits)).toEqual([
    [2, 7],
    [1, 7],
    [1, 2],
  ]);
  let text = '';
  const out = { write: (part: string) => (text += part) };
  const screen = { write: () => {} };
  const code = await runDoctor({ visits, measureMs: 0, asJson: true, out, screen }, new Promise(() => {}));
  const report = JSON.parse(text);
  expect(report.lines.map(({ expected }: { expected: { meter: string } }) => expected.meter)).toEqual([
    'm1',
    'm2',
    'm7',
  ]);
  expect(report.lines.map(({ found }: { found: { unit: number } }) => found.unit)).toEqual([1, 2, 9]);
  expect(report.lines[2].findings).toMatchObject([
    { cause: 'wrong-unit', level: 'fault' },
    // It takes any parity: then that of the configuration is not wrong.
    { cause: 'any-parity', level: 'note' },
  ]);
  expect(report.config).toBeNull();
  expect(code).toBe(78);
});
