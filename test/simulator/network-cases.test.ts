import { expect, test } from 'vitest';
import { WE_515 } from '../../agent/meters/orno.ts';
import { CASES, CASES_OVER_RTU, CASES_OVER_TCP } from '../../agent/simulator/case-names.ts';
import { runSimulator } from '../../agent/simulator/run.ts';

const OPTIONS = { model: WE_515, seed: 1, solar: 0, faults: {} };

test.for([
  ['tcp', '--tcp', CASES_OVER_TCP],
  ['rtuOverTcp', '--rtu-over-tcp', CASES_OVER_RTU],
] as const)('a state that %s cannot carry is refused, and not played as a good line', async ([key, flag, playable]) => {
  const others = CASES.filter((name) => !playable.includes(name));
  expect(others).toContain('other-baud');
  for (const name of others) {
    await expect(runSimulator({ ...OPTIONS, [key]: 0, case: name }, Promise.resolve())).rejects.toMatchObject({
      code: 'usage',
      message: `the case ${name} cannot be played with ${flag}`,
    });
  }
});
