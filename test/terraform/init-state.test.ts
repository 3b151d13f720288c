import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/temporary.ts';
import { TERRAFORM } from './hcl-files.ts';

/** Says what it was asked, an argument a line, and answers what the script wants to know. */
const AZ = `#!/bin/sh
printf '%s\\n' "$*" >>"$AZ_LOG"
case "$*" in
  "account show "*) [ -z "\${AZ_LOGGED_OUT:-}" ] || { echo "Please run 'az login'" >&2; exit 1; }
    echo 00000000-0000-4000-8000-000000000000 ;;
  "ad signed-in-user show "*) [ -z "\${AZ_NO_PERSON:-}" ] || exit 1
    echo 11111111-1111-4111-8111-111111111111 ;;
  "storage account show "*) echo /subscriptions/0/storageAccounts/energystate4711 ;;
  "\${AZ_FAILS:-nothing}"*) echo "az: refused" >&2; exit 3 ;;
esac
`;

function stage() {
  const directory = temporaryDirectory();
  const [bin, log] = [join(directory, 'bin'), join(directory, 'az.log')];
  mkdirSync(bin);
  const script = join(directory, 'init-state.sh');
  copyFileSync(join(TERRAFORM, 'init-state.sh'), script);
  const writeAz = () => {
    writeFileSync(join(bin, 'az'), AZ);
    chmodSync(join(bin, 'az'), 0o755);
  };
  writeAz();
  const run = (args: string[], env: Record<string, string> = {}, path = `${bin}:/usr/bin:/bin`) => {
    writeFileSync(log, '');
    const result = spawnSync('/bin/sh', [script, ...args], {
      encoding: 'utf8',
      env: { PATH: path, AZ_LOG: log, ...env },
    });
    return { ...result, asked: readFileSync(log, 'utf8').split('\n').filter(Boolean) };
  };
  return { directory, run, backend: join(directory, 'backend.hcl') };
}

const GOOD = ['--account', 'energystate4711', '--location', 'westeurope'];

test('it makes group, account, versions, container and right, and says where the state is', () => {
  const { run, backend, directory } = stage();
  const { status, stdout, stderr, asked } = run(GOOD);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(asked.map((line) => line.replace(/ --.*/, ''))).toEqual([
    'account show',
    'ad signed-in-user show',
    'provider register',
    'group create',
    'storage account create',
    'storage account blob-service-properties update',
    'storage container-rm create',
    'storage account show',
    'role assignment create',
  ]);
  const account = asked.find((line) => line.startsWith('storage account create'));
  for (const option of [
    '--allow-shared-key-access false',
    '--allow-blob-public-access false',
    '--min-tls-version TLS1_2',
  ]) {
    expect(account).toContain(option);
  }
  expect(asked.find((line) => line.includes('blob-service-properties'))).toContain('--enable-versioning true');
  expect(asked.at(-1)).toMatch(/--assignee-object-id 1{8}-.* --scope .*\/containers\/state /);
  expect(readFileSync(backend, 'utf8').split('\n').slice(1)).toEqual([
    'subscription_id      = "00000000-0000-4000-8000-000000000000"',
    'resource_group_name  = "energy-monitor-state"',
    'storage_account_name = "energystate4711"',
    'container_name       = "state"',
    'key                  = "energy-monitor.tfstate"',
    'use_azuread_auth     = true',
    '',
  ]);
  expect(stdout).toMatch(/terraform init -backend-config=backend\.hcl\n$/);
  expect(readdirSync(directory).sort()).toEqual(['az.log', 'backend.hcl', 'bin', 'init-state.sh']);
});

test('again, it asks the same and writes the same: nothing is deleted, nothing named anew', () => {
  const { run, backend } = stage();
  const first = [run(GOOD).asked, readFileSync(backend, 'utf8')];
  const second = [run(GOOD).asked, readFileSync(backend, 'utf8')];
  expect(second).toEqual(first);
  expect(first.flat().join('\n')).not.toMatch(/delete |--fail-on-exist|renew|keys list/);
});

test('another resource group is where all of it goes', () => {
  const { run, backend } = stage();
  const { asked } = run([...GOOD, '--resource-group', 'my_group.1']);
  for (const line of asked.slice(4, 8)) expect(line).toMatch(/--resource-group my_group\.1/);
  expect(readFileSync(backend, 'utf8')).toContain('"my_group.1"');
});

test.each([
  ['no account', ['--location', 'westeurope'], {}, 64, /--account is missing/],
  ['an account that Azure does not take', ['--account', 'Energy-State', '--location', 'x'], {}, 64, /other characters/],
  ['a short account', ['--account', 'ab', '--location', 'westeurope'], {}, 64, /has 2 characters/],
  ['a long account', ['--account', 'a'.repeat(25), '--location', 'westeurope'], {}, 64, /has 25 characters/],
  ['no region', ['--account', 'energystate4711'], {}, 64, /--location is missing/],
  [
    'the display name of a region',
    ['--account', 'energystate4711', '--location', 'West Europe'],
    {},
    64,
    /no name of a region/,
  ],
  ['a group with a quote in it', [...GOOD, '--resource-group', 'a"b'], {}, 64, /no name that Azure takes/],
  ['a word too many', [...GOOD, 'more'], {}, 64, /more is not known/],
  ['an option without its value', ['--account'], {}, 64, /--account has no value/],
  ['nobody logged in', GOOD, { AZ_LOGGED_OUT: '1' }, 77, /az is not logged in\n {2}run: az login\n$/],
  ['a login that is no person', GOOD, { AZ_NO_PERSON: '1' }, 77, /not as a person/],
])('%s: nothing is made, a sentence and a remedy', (_, args, env, code, sentence) => {
  const { run, backend } = stage();
  const { status, stderr, asked } = run(args, env);
  expect(status).toBe(code);
  expect(stderr).toMatch(sentence);
  expect(stderr).toMatch(/^init-state: .*\n {2}\S.*\n$/);
  expect(asked.filter((line) => /create|update|register/.test(line))).toEqual([]);
  expect(existsSync(backend)).toBe(false);
});

test('without az it says where to get it', () => {
  const { run } = stage();
  const { status, stderr } = run(GOOD, {}, '/nowhere');
  expect([status, stderr]).toEqual([69, expect.stringMatching(/there is no az\n {2}install the Azure CLI: https:/)]);
});

test.each([
  'group create',
  'storage account create',
  'storage container-rm create',
  'role assignment create',
])('when Azure refuses %s it ends there, and keeps the backend.hcl that there was', (command) => {
  const { run, backend } = stage();
  writeFileSync(backend, 'before\n');
  const { status, stderr, asked } = run(GOOD, { AZ_FAILS: command });
  expect([status, stderr]).toEqual([3, 'az: refused\n']);
  expect(asked.at(-1)).toMatch(new RegExp(`^${command}`));
  expect(readFileSync(backend, 'utf8')).toBe('before\n');
});

test('it can be run, and --help tells all of it without az', () => {
  expect(statSync(join(TERRAFORM, 'init-state.sh')).mode & 0o111).not.toBe(0);
  const { status, stdout, asked } = stage().run(['--help']);
  expect([status, asked]).toEqual([0, []]);
  for (const option of ['--account', '--location', '--resource-group', 'az login']) expect(stdout).toContain(option);
});
