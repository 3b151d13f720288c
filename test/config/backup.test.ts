import { expect, test } from 'vitest';
import { ConfigError } from '../../agent/config/config-error.ts';
import { EXAMPLE_CONFIG } from '../../agent/config/example.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { withoutSecrets } from '../../agent/config/redacted.ts';

const METER = '{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}';
const KEY = 'age1e6h9s4l26hvzlc5r6prrvfs66kn6nxws79d9fkqjgwkzlme8g4fqtu20p7';
const withBackup = (backup: string) => `meters: [${METER}]\ninfluxdb: {url: http://pi:8086}\nbackup: ${backup}\n`;

function problemsOf(backup: string): string[] {
  try {
    parseConfig(withBackup(backup), 'config.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

test('the example, with its comments taken away, is right', () => {
  const active = EXAMPLE_CONFIG.replace(/^# (?=(?:backup:| ))/gm, '').replace('age1...', KEY);
  const { backup } = parseConfig(active, 'example');
  expect(backup).toMatchObject({
    recipient: KEY,
    unencrypted: false,
    stores: [
      { directory: '/mnt/usb/energy-monitor', keepLast: 10, writeOnly: false },
      {
        azure: 'https://ACCOUNT.blob.core.windows.net/energy-monitor',
        sasFile: '/etc/energy-monitor/azure.sas',
        bandwidth: 500_000,
        writeOnly: true,
        keepHourly: 48,
        keepMonthly: 120,
      },
    ],
    databases: [{ sink: 'influxdb', operatorTokenFile: '/etc/energy-monitor/influxdb-operator.token' }],
  });
});

const AZURE = 'azure: https://a.blob.core.windows.net/c';

test.each([
  [
    `{recipient: ${KEY}, stores: [{directory: /mnt/a}, {directory: /mnt/a/, name: b}]}`,
    /stores\[1\]: is in "\/mnt\/a"/,
  ],
  [
    `{recipient: ${KEY}, stores: [{directory: /mnt/a}, {directory: /mnt/b}]}`,
    /stores\[1\]: is named "directory", as is/,
  ],
  [`{recipient: ${KEY}, stores: [{directory: mnt}]}`, /stores\[0\].directory: .*absolute path/],
  [`{recipient: ${KEY}, stores: [{}]}`, /stores\[0\]: .*name the place by directory or azure/],
  [`{recipient: ${KEY}, stores: [{directory: /a, ${AZURE}}]}`, /stores\[0\]: .*keep one of directory, azure/],
  [`{recipient: ${KEY}, stores: [{${AZURE}}]}`, /stores\[0\].sasFile: is missing; name one of sasFile/],
  [
    `{recipient: ${KEY}, stores: [{${AZURE}, sasFile: a, connectionStringFile: b}]}`,
    /stores\[0\].sasFile: .*name only one of sasFile/,
  ],
  [
    `{recipient: ${KEY}, stores: [{azure: 'https://a.blob.core.windows.net/c?sv=1&sig=SECRETSECRET', sasFile: a}]}`,
    /stores\[0\].azure: .*the URL of a container without its SAS/,
  ],
  [`{recipient: ${KEY}, stores: [{azure: 'https://a.blob.core.windows.net', sasFile: a}]}`, /stores\[0\].azure: /],
  [
    `{recipient: ${KEY}, stores: [{${AZURE}, servicePrincipal: {tenant: t, client: c}}]}`,
    /servicePrincipal.secretFile: /,
  ],
  [`{recipient: ${KEY}, stores: [{directory: /a, keepLast: 0, keepDaily: 0}]}`, /keepLast: .*keep at least one/],
  [`{recipient: ${KEY}, stores: [{directory: /a, bandwidth: 1}]}`, /bandwidth: .*write a size with its unit/],
  [`{recipient: ${KEY}, stores: [{directory: /a, keepWeek: 1}]}`, /keepWeek: unknown key; did you mean keepWeekly\?/],
  [
    `{recipient: ${KEY}, stores: [{directory: /a}], databases: [{sink: cloud}]}`,
    /databases\[0\].sink: is "cloud"; name one of influxdb/,
  ],
  [`{recipient: ${KEY}, stores: [{directory: /a}], databases: [{}, {}]}`, /databases\[1\]: is of "influxdb", as is/],
  [`{recipient: ${KEY}, unencrypted: true, stores: [{directory: /a}]}`, /recipient: .*not both/],
  ['{unencrypted: true}', /backup.stores: is missing; list at least one store/],
])('%s is told', (backup, problem) => {
  const problems = problemsOf(backup);
  expect(problems.join('\n')).toMatch(problem);
  expect(problems.join('\n')).not.toContain('SECRETSECRET');
});

test('the configuration without its secrets keeps all else, comments as well', () => {
  const text = `# my house; token: abcDEF123
influxdb:
  - name: a # the old password was: hunter2hunter2
    url: http://pi:8086 # the meters
    token: plain-secret # was OLDTOKEN99
  - {name: b, token: "quoted secret", tokenFile: /etc/a.token}
  # the token of the cloud:
  # NEXTLINE77
  # sasToken=sv=2024&sig=SIGNATURE1
backup: {stores: [{directory: /mnt}]}
# AGE-SECRET-KEY-1ABCDEFGH
`;
  const kept = withoutSecrets(text);
  for (const secret of [
    'abcDEF123',
    'hunter2hunter2',
    'plain-secret',
    'OLDTOKEN99',
    'NEXTLINE77',
    'quoted secret',
    'SIGNATURE1',
    '1ABCDEFGH',
  ]) {
    expect(kept).not.toContain(secret);
  }
  for (const rest of [
    'directory: /mnt',
    '# the meters',
    'http://pi:8086',
    'tokenFile: /etc/a.token',
    'directory: /mnt',
  ]) {
    expect(kept).toContain(rest);
  }
});

test('nor a token that is an alias, where its anchor stands', () => {
  const kept = withoutSecrets('influxdb: [{org: &both anchored, url: http://pi:8086, token: *both}]\n');
  expect(kept).not.toContain('anchored');
  expect(kept).toContain('http://pi:8086');
});
