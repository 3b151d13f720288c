import { expect, test } from 'vitest';
import { verify } from '../../agent/backup/verify.ts';
import { ALL, backUp, newKeys, openRepository } from '../support/backups.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { memoryStore } from '../support/memory-store.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIRST_S = 1_772_323_200;

test.each([
  ['plain', false],
  ['encrypted', true],
])('every flipped bit of any object or manifest is found: %s', async (_, isEncrypted) => {
  const stateDir = temporaryDirectory();
  for (let day = 0; day < 3; day++) fillJournal(stateDir, secondsFrom(FIRST_S + day * 86_400, 2));
  const keys = await newKeys();
  const contents = new Map<string, Buffer>();
  const store = memoryStore(contents);
  await backUp(stateDir, store, { recipients: isEncrypted ? [keys.recipient] : [] });
  const repository = await openRepository(store);
  const problems = async () => (await verify(repository, await repository.names(), ALL)).problems;
  expect(await problems()).toEqual([]);
  let tried = 0;
  for (const [name, whole] of contents) {
    if (!/^(?:objects|snapshots)\//.test(name)) continue;
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      contents.set(name, damaged);
      tried++;
      if ((await problems()).length === 0) expect.fail(`bit ${bit} of ${name} is not found`);
    }
    contents.set(name, whole);
  }
  expect(tried).toBeGreaterThan(10_000);
  expect(await problems()).toEqual([]);
});
