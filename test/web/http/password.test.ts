import { expect, test } from 'vitest';
import { web } from '../../../agent/config/web-schema.ts';
import { hashPassword, matches } from '../../../agent/web/http/password.ts';

test('a password is told from others by its hash, however its accents are typed', () => {
  const hash = hashPassword('crème brûlée');
  expect(matches('crème brûlée', hash)).toBe(true);
  expect(matches('crème brûlée'.normalize('NFD'), hash)).toBe(true);
  expect(matches('creme brulee', hash)).toBe(false);
  expect(matches('', hash)).toBe(false);
});

test('two hashes of one password differ, and the configuration takes both', () => {
  const [one, other] = [hashPassword('correct horse'), hashPassword('correct horse')];
  expect(one).not.toBe(other);
  for (const passwordHash of [one, other]) {
    expect(web.safeParse({ passwordHash }).success).toBe(true);
    expect(passwordHash).not.toContain('horse');
  }
});

// RFC 7914, 12: P = "pleaseletmein", S = "SodiumChloride", N = 16384, r = 8, p = 1; the first 32 bytes.
test('it is scrypt as the RFC has it', () => {
  const key = Buffer.from('7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2', 'hex');
  const hash = hashPassword('pleaseletmein', Buffer.from('SodiumChloride'));
  expect(hash.split('$').at(-1)).toBe(key.toString('base64').replaceAll('=', ''));
});

test.each([
  'plain text',
  '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904',
  '$scrypt$ln=20,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904',
  '$2b$12$abcdefghijklmnopqrstuv',
])('the configuration refuses %s', (passwordHash) => {
  expect(web.safeParse({ passwordHash }).success).toBe(false);
});
