import { z } from 'zod';
import { duration, filePath } from './fields.ts';
import { parseAddress } from './scalars.ts';

export const DEFAULT_WEB_PORT = 8515;
const DEFAULT_LISTEN = `127.0.0.1:${DEFAULT_WEB_PORT}`;

const LISTEN_HINT = `write the address and port, such as ${DEFAULT_LISTEN}, 0.0.0.0:${DEFAULT_WEB_PORT} for the whole network, or off`;
const HASH_HINT = 'write what energy-monitor web password prints';
const HOST_HINT = 'write a name as it stands in the address line, such as energy.home.arpa';

/** `$scrypt$ln=14,r=8,p=1$SALT$HASH` (PHC string format), of a cost that a Pi can carry. */
const PASSWORD_HASH = /^\$scrypt\$ln=1[2-5],r=8,p=[1-4]\$[A-Za-z0-9+/]{22,86}\$[A-Za-z0-9+/]{43}$/;

const DAY_MS = 86_400_000;

/** Where to listen; `off`: nowhere. */
const listen = z.string({ error: LISTEN_HINT }).transform((text, context) => {
  if (text === 'off') return text;
  const target = parseAddress(text, DEFAULT_WEB_PORT);
  if (target) return target;
  context.issues.push({ code: 'custom', message: LISTEN_HINT, input: text });
  return z.NEVER;
});

/** The page, its REST interface and the metrics. */
export const web = z.strictObject({
  listen: listen.prefault(DEFAULT_LISTEN),
  hosts: z
    .array(
      z.string({ error: HOST_HINT }).regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/, { error: HOST_HINT }),
    )
    .default([]),
  passwordHash: z.string({ error: HASH_HINT }).regex(PASSWORD_HASH, { error: HASH_HINT }).optional(),
  tls: z
    .strictObject(
      {
        certificateFile: filePath('/etc/energy-monitor/page.pem'),
        keyFile: filePath('/etc/energy-monitor/page.key'),
      },
      { error: 'name a certificate and its key: {certificateFile: ..., keyFile: ...}' },
    )
    .optional(),
  hideAfter: duration(DAY_MS, 36_500 * DAY_MS, '1d to 100y').default(30 * DAY_MS),
});
