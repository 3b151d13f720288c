import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keptCredential, readSecretFile, secretPath } from '../../agent/config/secrets.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Directories as root keeps them, and the environment that names them. */
function places() {
  const root = temporaryDirectory();
  const [collector, backup] = [join(root, 'credentials'), join(root, 'backup-credentials')];
  for (const directory of [collector, backup]) mkdirSync(directory);
  return { root, collector, backup, env: { ENERGY_MONITOR_CREDENTIALS: `${collector}:${backup}` } };
}

test.each(['', 'collector_', 'backup_'])('a unit finds what LoadCredential= has called %sNAME', (prefix) => {
  const given = temporaryDirectory();
  writeFileSync(join(given, `${prefix}influxdb.token`), 'a token\n');
  expect(readSecretFile('influxdb.token', { CREDENTIALS_DIRECTORY: given })).toBe('a token');
});

test('a unit gets nothing that it was not given, though it lies where root keeps it', () => {
  const { collector, env } = places();
  writeFileSync(join(collector, 'influxdb.token'), 'a token');
  const unit = { ...env, CREDENTIALS_DIRECTORY: temporaryDirectory() };
  expect(() => secretPath('influxdb.token', unit)).toThrow(/there is no credential influxdb.token for this unit/);
});

test('who is no unit finds a credential where root keeps it', () => {
  const { collector, backup, env } = places();
  writeFileSync(join(collector, 'influxdb.token'), 'a token');
  writeFileSync(join(backup, 'azure.sas'), 'a SAS');
  expect(readSecretFile('influxdb.token', env)).toBe('a token');
  expect(readSecretFile('azure.sas', env)).toBe('a SAS');
  expect(() => secretPath('drill.key', env)).toThrow(/there is no credential drill.key/);
});

test('a path is a path', () => {
  expect(secretPath('./a.token', { CREDENTIALS_DIRECTORY: '/nowhere' })).toBe('./a.token');
  expect(keptCredential('/etc/a.token')).toBeUndefined();
});

test('a new credential goes to those of the collector, one that is there stays where it is; other secrets go beside', () => {
  const { collector, backup, env } = places();
  expect(keptCredential('influxdb.token', env)).toEqual({ path: join(collector, 'influxdb.token'), others: backup });
  writeFileSync(join(backup, 'operator.token'), 'a token');
  expect(keptCredential('operator.token', env)).toEqual({ path: join(backup, 'operator.token'), others: backup });
  expect(keptCredential('influxdb.token', { ENERGY_MONITOR_CREDENTIALS: '/nowhere' })).toBeUndefined();
});
