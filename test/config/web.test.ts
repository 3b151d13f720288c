import { expect, test } from 'vitest';
import { ConfigError } from '../../agent/config/config-error.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { withoutSecrets } from '../../agent/config/redacted.ts';
import { hashPassword } from '../../agent/web/http/password.ts';

const METERS = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]';
const parsed = (web: string) => parseConfig(`${METERS}\nweb: ${web}\n`, 'config.yaml').web;
function mistake(web: string): string {
  try {
    parsed(web);
    return 'none';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

test('by default the page is on this machine alone', () => {
  expect(parseConfig(METERS, 'config.yaml').web.listen).toEqual({ host: '127.0.0.1', port: 8515 });
});

test.each([
  ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
  ['"[::]:8515"', { host: '::', port: 8515 }],
  ['192.168.1.20', { host: '192.168.1.20', port: 8515 }],
  ['off', 'off'],
])('listen: %s', (listen, address) => {
  expect(parsed(`{listen: ${listen}}`).listen).toEqual(address);
});

test.each([
  ['{listen: 8515}', /web\.listen.*write the address and port/],
  ['{listen: "http://pi:8515/"}', /web\.listen.*write the address and port/],
  ['{listen: "pi:99999"}', /web\.listen.*write the address and port/],
  ['{hosts: ["https://energy.home"]}', /web\.hosts\[0\].*as it stands in the address line/],
  ['{hosts: energy.home}', /web\.hosts/],
  ['{hideAfter: 1h}', /web\.hideAfter.*1d to 100y/],
  ['{tls: {certificateFile: a.pem}}', /web\.tls\.keyFile: is missing; write a path/],
  ['{tls: yes}', /web\.tls.*name a certificate and its key/],
  ['{passwordhash: x}', /web\.passwordhash: unknown key; did you mean passwordHash/],
  ['{listn: off}', /web\.listn: unknown key; did you mean listen/],
])('%s is a mistake that is told', (web, message) => {
  expect(mistake(web)).toMatch(message);
});

test('a password in the clear is no hash, and is not shown', () => {
  expect(mistake('{passwordHash: hunter2hunter2}')).toMatch(/passwordHash.*energy-monitor web password/);
  expect(mistake('{passwordHash: hunter2hunter2}')).not.toContain('hunter2');
});

test('the hash stays out of what is handed on', () => {
  const hash = hashPassword('open sesame');
  const text = `${METERS}\nweb:\n  passwordHash: ${hash}\n`;
  expect(parseConfig(text, 'config.yaml').web.passwordHash).toBe(hash);
  expect(withoutSecrets(text)).not.toContain('scrypt');
});
