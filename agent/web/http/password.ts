import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

/** RFC 7914; 16 MiB and 0.2 s of a Pi 3 for each try, which is what a guess costs as well. */
const COST = { N: 2 ** 14, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43})$/;

/** `$scrypt$ln=14,r=8,p=1$SALT$HASH`, as the PHC string format has it. */
export function hashPassword(password: string, salt: Buffer = randomBytes(SALT_BYTES)): string {
  const { N, r, p } = COST;
  const key = scryptSync(password.normalize('NFC'), salt, KEY_BYTES, { N, r, p });
  const bare = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$scrypt$ln=${Math.log2(N)},r=${r},p=${p}$${bare(salt)}$${bare(key)}`;
}

/** Takes the time of one hash, whatever the answer. In this thread alone: libuv's threads also serve the serial port. */
export function matches(password: string, hash: string): boolean {
  const [, ln, r, p, salt = '', key = ''] = FORM.exec(hash) ?? [];
  const expected = Buffer.from(key, 'base64');
  const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: 64 * 2 ** 20 };
  const found = scryptSync(password.normalize('NFC'), Buffer.from(salt, 'base64'), KEY_BYTES, cost);
  return timingSafeEqual(found, expected);
}
