import { execFileSync } from 'node:child_process';
import { openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newKeys } from '../support/backups.ts';
import { finished, runCommand } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A journal of some readings, and a configuration with this `backup`. */
function prepared(backup?: (place: string) => object) {
  const directory = temporaryDirectory();
  const [stateDir, place, config] = [
    join(directory, 'state'),
    join(directory, 'place'),
    join(directory, 'config.yaml'),
  ];
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  writeFileSync(config, JSON.stringify({ stateDir, meters, ...(backup && { backup: backup(place) }) }));
  fillJournal(stateDir, secondsFrom(1_772_323_200, 100));
  return { stateDir, place, run: (...args: string[]) => finished([...args, '--config', config]) };
}

test('without backups the journal is looked at, and a timer for backups has nothing to do', async () => {
  const { run } = prepared();
  const { code, out } = await run('verify');
  expect(out).toMatch(/no backup is configured: the journal alone is looked at\n.*100 readings/s);
  expect(code).toBe(0);
  expect(await run('backup', 'run', '--if-configured')).toMatchObject({
    code: 0,
    out: expect.stringContaining('has no backup: nothing to do'),
  });
  expect((await run('backup', 'run')).code).toBe(78);
});

test('the journal, a sample of the backups, and one on trial', async () => {
  const { run } = prepared((place) => ({ unencrypted: true, stores: [{ directory: place }] }));
  expect((await run('backup', 'run', '--if-configured')).code).toBe(0);
  const { code, out, err } = await run('verify');
  expect(out).toMatch(/1\d\d readings.*directory: 1 backups.*whole.*100 readings/s);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const status = JSON.parse((await run('status', '--json')).out);
  expect(JSON.stringify(status.backups)).toMatch(/drill/);
});

test('encrypted, and without a key for it, there is no drill', async () => {
  const { recipient } = await newKeys();
  const { run } = prepared((place) => ({ recipient, stores: [{ directory: place }] }));
  expect((await run('backup', 'run')).code).toBe(0);
  const { code, out } = await run('verify');
  expect(out).toMatch(/no drill: it needs a key of its own.*directory: 1 backups/s);
  expect(code).toBe(0);
});

test('what fails keeps nothing else from being looked at, and is the code in the end', async () => {
  const { run, place, stateDir } = prepared((place) => ({ unencrypted: true, stores: [{ directory: place }] }));
  expect((await run('backup', 'run')).code).toBe(0);
  const [object = ''] = readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /objects.*[0-9a-f]{20}/.test(name),
  );
  writeFileSync(join(place, object), '');
  const { code, out, err } = await run('verify');
  expect(out).toMatch(/1\d\d readings/);
  expect(`${out}${err}`).toMatch(/problem/);
  expect(code).toBe(74);
  // A page in the middle of the journal.
  const file = openSync(join(stateDir, 'journal.db'), 'r+');
  writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, readFileSync(join(stateDir, 'journal.db')).length - 8192);
  expect((await run('verify')).code).toBe(74);
});

test('a part that is killed, as when memory runs out, is said', async () => {
  const directory = temporaryDirectory();
  const config = join(directory, 'config.yaml');
  // Who opens it waits until somebody writes: the part does so for ever.
  execFileSync('mkfifo', [config]);
  const { process: verify, ended, errors } = runCommand(['verify', '--config', config]);
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }];
  await writeFile(config, JSON.stringify({ stateDir: join(directory, 'state'), meters }));
  const children = () => readFileSync(`/proc/${verify.pid}/task/${verify.pid}/children`, 'utf8').trim();
  await expect.poll(children, { timeout: 15_000 }).toMatch(/^\d+$/);
  process.kill(Number(children()), 'SIGKILL');
  expect(await ended).toBe(70);
  expect(errors()).toBe('energy-monitor: journal check was ended by SIGKILL\n');
});
