import { expect, test } from 'vitest';
import { limitsOf } from '../../agent/import/limits.ts';
import { QUANTITIES } from '../../agent/readings/quantity.ts';
import { fileSource, importInto, textFile } from '../support/imports.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const BASE = Date.UTC(2022, 11, 2, 18, 15);

test.for([
  ['voltage=1e300', 'other', /a\.lp:1: left out: voltage is 1e\+300, possible for model other/],
  ['power_factor=77', 'other', /power_factor is 77, possible for model other is -1 to 1/],
  ['voltage=400', 'we-515', /voltage is 400, possible for model we-515 is 80 to 320/],
  ['active_energy=-1', 'we-515', /active_energy is -1, possible for model we-515 is 0 to/],
] as const)('%s of a %s is no reading', async ([field, model, reason]) => {
  const path = textFile('a.lp', `energy,model=${model} ${field} ${BASE}\nenergy,model=${model} voltage=230 ${BASE}\n`);
  const { out, said } = await importInto(temporaryDirectory(), [fileSource(path)]);
  expect(said).toMatch(reason);
  expect(out).toContain('1 new reading, 0 there already; left out: 1 invalid');
});

test('a meter of three phases, or of a power station, has room', () => {
  for (const [quantity, value] of Object.entries({
    voltage: 110_000,
    active_power: 5e8,
    current: -4000,
    power_factor: -1,
  })) {
    const { min, max } = limitsOf('other')[quantity] ?? { min: 0, max: 0 };
    expect([quantity, value >= min && value <= max]).toEqual([quantity, true]);
  }
});

test('every quantity of a meter has limits', () => {
  const without = Object.keys(QUANTITIES).filter((name) => limitsOf('other')[name] === undefined);
  expect(without).toEqual(['start_offset', 'duration']);
});
