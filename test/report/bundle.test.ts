import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { writeNote } from '../../agent/backup/notes.ts';
import { bundleText, writeBundle } from '../../agent/report/bundle/bundle.ts';
import { knownSecrets } from '../../agent/report/bundle/known-secrets.ts';
import { makeBundle } from '../../agent/report/bundle/make.ts';
import { Redactor } from '../../agent/report/bundle/redactor.ts';
import { SECRET_KEYS } from '../../agent/system/scrub.ts';
import { finished } from '../support/child.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { asNobody } from '../support/nobody.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SIGNATURE = 'Zm9vYmFyL3NpZytuYXR1cmUvb2YvYS9zYXM9PQ==';
const ACCOUNT_KEY = `${'QWNjb3VudEtleU9mQVN0b3JhZ2VBY2NvdW50'.repeat(3).slice(0, 86)}==`;
const IDENTITY = 'AGE-SECRET-KEY-1QQQPLANTEDQQQPLANTEDQQQPLANTEDQQQPLANTEDQQQPLANTEDQQQPLANT';

/** Each kind of secret that the schema knows, by what it is: nothing of them tells that it is one. */
const SECRETS = {
  literalToken: 'literal/planted-token+1',
  tokenFile: 'plantedTokenOfAFile',
  influxdb1Password: 'planted:pass word',
  operatorToken: 'plantedOperator',
  signature: SIGNATURE,
  accountKey: ACCOUNT_KEY,
  principalSecret: 'planted~Principal.secret',
  identity: IDENTITY,
  credential: 'plantedCredential',
  backupCredential: 'plantedBackupCredential',
} as const;

/** A Pi on which all of them are in place, and have found their way into the logs in each form that there is. */
function leakyPi() {
  const root = temporaryDirectory();
  const at = (path: string) => join(root, path);
  const write = (path: string, text: string) => {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), text);
    return at(path);
  };
  const sas = `sv=2022-11-02&sr=c&sp=rcl&se=2027-01-01&sig=${encodeURIComponent(SIGNATURE)}`;
  const files = {
    token: write('secrets/influxdb.token', `${SECRETS.tokenFile}\n`),
    operator: write('secrets/operator.token', `${SECRETS.operatorToken}\n`),
    sas: write('secrets/azure.sas', `?${sas}\n`),
    connection: write(
      'secrets/azure.connection',
      `AccountName=house;AccountKey=${ACCOUNT_KEY};EndpointSuffix=core.windows.net\n`,
    ),
    principal: write('secrets/azure.secret', `${SECRETS.principalSecret}\n`),
    drill: write('secrets/drill.key', `# public key: age1planted\n${IDENTITY}\n`),
  };
  write('etc/energy-monitor/credentials/web.token', SECRETS.credential);
  write('etc/energy-monitor/backup-credentials/other.sas', SECRETS.backupCredential);
  const stateDir = at('var/lib/energy-monitor');
  fillJournal(stateDir, secondsFrom(1_772_323_200, 20));
  mkdirSync(join(stateDir, 'backup'), { recursive: true });
  writeNote(stateDir, 'outcomes', {
    cloud: { label: 'x', triedMs: 0, owed: 1, problem: `PUT https://a/c?${sas}: 403` },
  });
  const config = write(
    'etc/energy-monitor/config.yaml',
    `# the token was ${SECRETS.tokenFile}
stateDir: ${stateDir}
meters:
  - {name: house, model: we-515, connection: {tcp: 192.168.77.12}}
influxdb:
  - {name: one, url: 'http://192.168.77.13:8086', token: '${SECRETS.literalToken}'}
  - {name: two, url: 'http://localhost:8087', token: 'agent:${SECRETS.influxdb1Password}', bucket: energy/autogen}
  - {name: three, url: 'http://localhost:8088', tokenFile: ${files.token}}
backup:
  unencrypted: true
  stores:
    - {name: cloud, azure: 'https://a.blob.core.windows.net/c', sasFile: ${files.sas}}
    - {name: other, azure: 'https://b.blob.core.windows.net/c', connectionStringFile: ${files.connection}}
    - name: third
      azure: https://d.blob.core.windows.net/c
      servicePrincipal: {tenant: t, client: c, secretFile: ${files.principal}}
  databases: [{sink: one, operatorTokenFile: ${files.operator}}]
  drill: {identityFile: ${files.drill}}
`,
  );
  const lines = Object.entries(SECRETS).flatMap(([name, secret]) => [
    `${name} refused: ${secret}`,
    JSON.stringify({ level: 50, msg: `sent ${secret}`, headers: { authorization: `Token ${secret}` } }),
    `GET /query?u=agent&p=${encodeURIComponent(secret)}&db=energy`,
    `Authorization: Basic ${Buffer.from(`agent:${secret}`).toString('base64')}`,
    `env INFLUX_TOKEN='${secret}'`,
  ]);
  const log = write(
    'log',
    `${lines.join('\n')}\nfrom 192.168.77.12 and fe80::1ff:fe23:4567:890a by /home/anna/x on b8:27:eb:00:11:22\n`,
  );
  for (const program of ['journalctl', 'systemctl']) {
    chmodSync(write(`usr/bin/${program}`, `#!/bin/sh\ncat ${log}\n`), 0o755);
  }
  mkdirSync(at('run/systemd/system'), { recursive: true });
  return { root, config, log, stateDir };
}

/** Texts of a bundle by their names. */
function unpacked(file: string): Map<string, string> {
  const directory = temporaryDirectory();
  execFileSync('tar', ['-xzf', file, '-C', directory]);
  const below = join(directory, 'energy-monitor-support');
  const names = readdirSync(below, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(below, name)).isFile(),
  );
  return new Map(names.map((name) => [name, readFileSync(join(below, name), 'utf8')]));
}

test('no secret of any kind is in the bundle, wherever and in whatever form it stood', async () => {
  const { root, config, log } = leakyPi();
  const file = join(temporaryDirectory(), 'bundle.tar.gz');
  const bundle = await makeBundle({ config, version: '1', file, added: [log], root });
  const texts = unpacked(file);
  expect([...texts.keys()].sort()).toEqual(bundle.parts.map(({ name }) => name).sort());
  for (const name of [
    'status.json',
    'config.yaml',
    'journal.txt',
    'logs/energy-monitor-collector.service.log',
    'added/log',
  ])
    expect(texts.get(name), name).toBeDefined();
  for (const [name, text] of texts) {
    for (const secret of Object.values(SECRETS)) {
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(`agent:${secret}`).toString('base64')])
        expect(text, `${form} in ${name}`).not.toContain(form);
    }
    expect(text, name).not.toMatch(/planted/i);
    expect(text, name).not.toMatch(/192\.168\.77|fe80::1ff|anna|b8:27:eb/);
  }
  const kept = texts.get('config.yaml') ?? '';
  expect(kept).toMatch(/token: '?\*\*\*/);
  expect(kept).toContain('url: http://localhost:8087'.replace('url: ', ''));
  expect(kept).toMatch(/tcp: ADDRESS-\d/);
  expect(texts.get('logs/energy-monitor-collector.service.log')).toMatch(
    /from ADDRESS-\d and ADDRESS-\d by \/home\/USER\/x on MAC/,
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('secrets that this user may not read are named: nobody has looked for them', async () => {
  const { root, config } = leakyPi();
  const kept = join(root, 'etc/energy-monitor/credentials');
  const token = join(root, 'secrets/influxdb.token');
  chmodSync(kept, 0);
  chmodSync(token, 0);
  asNobody(root, () => {
    const { values, unread } = knownSecrets({ values: ['inline'], files: [token, 'web.token'] }, root, {});
    expect(unread).toEqual([kept, token]);
    expect(values).toContain('inline');
    expect(values).toContain(SECRETS.backupCredential);
  });
  chmodSync(kept, 0o700);
  const file = join(temporaryDirectory(), 'bundle.tar.gz');
  const redactor = new Redactor({ secrets: [], hostName: 'pi' });
  const bundle = await writeBundle(file, [], { redactor, unread: [token], nowMs: 0 });
  expect(bundleText(bundle)).toMatch(/were not looked for in the texts: .*influxdb.token \(call this with sudo\)/);
  expect(unpacked(file).get('README.txt')).toMatch(/were not looked for in the texts: .*influxdb.token/);
  const whole = await makeBundle({ config, version: '1', file: join(temporaryDirectory(), 'x'), root });
  expect(bundleText(whole)).not.toMatch(/were not looked for: .*credentials/);
});

test('a secret of a path that begins here is looked for as well', () => {
  const file = join(temporaryDirectory(), 'a.token');
  writeFileSync(file, 'relativeSecret');
  const { values } = knownSecrets({ values: [], files: [relative(process.cwd(), file)] }, '/nowhere', {});
  expect(values).toContain('relativeSecret');
});

test('an address is the same in each text', async () => {
  const { root, config } = leakyPi();
  const file = join(temporaryDirectory(), 'bundle.tar.gz');
  await makeBundle({ config, version: '1', file, root });
  const texts = unpacked(file);
  const inConfig = /tcp: (ADDRESS-\d+)/.exec(texts.get('config.yaml') ?? '')?.[1];
  expect(inConfig).toBeDefined();
  expect(texts.get('logs/kernel.log') ?? texts.get('units.txt')).toContain(`from ${inConfig} and`);
});

test('a token that is an alias goes from where its anchor stands as well', async () => {
  const { root, config, stateDir } = leakyPi();
  writeFileSync(
    config,
    `stateDir: ${stateDir}
meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]
influxdb: [{name: one, url: 'http://localhost:1', org: &both plantedAnchor, token: *both}]
`,
  );
  const file = join(temporaryDirectory(), 'bundle.tar.gz');
  await makeBundle({ config, version: '1', file, root });
  const texts = unpacked(file);
  expect(texts.get('config.yaml')).toMatch(/org: &both "?\*\*\*/);
  for (const text of texts.values()) expect(text).not.toContain('plantedAnchor');
});

test('a configuration with mistakes is left out: a mistyped key may hold the secret', async () => {
  const { root, config, stateDir } = leakyPi();
  writeFileSync(
    config,
    `stateDir: ${stateDir}\nmeters: [{name: house}]\ninfluxdb: {url: 'http://x', tokn: plantedTypo}\n`,
  );
  const file = join(temporaryDirectory(), 'bundle.tar.gz');
  const { missing } = await makeBundle({ config, version: '1', file, root });
  expect(missing).toContainEqual({
    name: 'config.yaml',
    reason: expect.stringMatching(/left out: .*mistakes?:.*tokn/s),
  });
  for (const text of unpacked(file).values()) expect(text).not.toContain('plantedTypo');
});

test('where nothing works there is a bundle all the same, which says what is missing', async () => {
  const directory = temporaryDirectory();
  const { code, out, err } = await finished(
    ['support-bundle', '--config', '/nowhere/config.yaml', '--add', '/nowhere/x'],
    {},
    directory,
  );
  expect([code, err]).toEqual([0, '']);
  const [name = ''] = readdirSync(directory);
  expect(name).toMatch(/^energy-monitor-support-\d{8}T\d{6}Z\.tar\.gz$/);
  expect(out).toMatch(/^ {2}status.txt is left out: configuration \/nowhere\/config.yaml is not there$/m);
  expect(out).toMatch(/^ {2}added\/x is left out: \/nowhere\/x cannot be added/m);
  expect(out).toMatch(/Look through it before you send it/);
  expect(unpacked(join(directory, name)).get('machine.txt')).toMatch(/^Node {12}v24/m);
});

test('a file that is there is not written over, and a place that is not there is told', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'mine.tar.gz');
  writeFileSync(file, 'mine');
  const again = await finished(['support-bundle', file, '--state-dir', directory]);
  expect([again.code, again.err]).toEqual([
    64,
    expect.stringMatching(/mine.tar.gz is there already\n {2}name another file/),
  ]);
  expect(readFileSync(file, 'utf8')).toBe('mine');
  const nowhere = await finished(['support-bundle', join(directory, 'no/where.tar.gz'), '--state-dir', directory]);
  expect([nowhere.code, existsSync(join(directory, 'no'))]).toEqual([74, false]);
});

test.for(SECRET_KEYS)('whatever stands behind %s goes, also without knowing it', (key) => {
  const redactor = new Redactor({ secrets: [], hostName: 'pi' });
  for (const text of [
    `"${key}":"hunter2 x"`,
    `${key}: hunter2`,
    `${key.toUpperCase()}=hunter2`,
    `--my-${key} = 'hunter2'`,
  ]) {
    expect(redactor.text(`before ${text} behind`)).toMatch(/^before .*\*\*\*.* behind$/);
    expect(redactor.text(text)).not.toContain('hunter2');
  }
});

test('what is no secret stays: paths of secrets, times, versions, local addresses, common names', () => {
  const redactor = new Redactor({ secrets: [], hostName: 'raspberrypi' });
  const text = `tokenFile: /etc/energy-monitor/credentials/a.token
2026-11-21T12:00:05+01:00 influxd 2.9.1 at 127.0.0.1:8086 and [::1]:8086 on raspberrypi
`;
  expect(redactor.text(text)).toBe(text);
});

test('the name of this machine goes, and not where it is a part of another word', () => {
  const redactor = new Redactor({ secrets: [], hostName: 'attic' });
  expect(redactor.text('attic: on attic.local, not fanattic or attic-2')).toBe(
    'HOST: on HOST.local, not fanattic or attic-2',
  );
});
