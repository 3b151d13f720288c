import { z } from 'zod';
import { parseAddress, parseDuration, parseSize } from './scalars.ts';

/** Each message is the remedy: what to write instead. */
export const duration = (minMs: number, maxMs: number, range: string) =>
  z.string({ error: `write a duration with its unit, such as ${range}` }).transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms;
    const message =
      ms === undefined ? `write a duration with its unit, such as ${range}` : `use a duration of ${range}`;
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });

export const size = (minBytes: number, example: string) =>
  z.string({ error: `write a size with its unit, such as ${example}` }).transform((text, context) => {
    const bytes = parseSize(text);
    if (bytes !== undefined && bytes >= minBytes) return bytes;
    const message =
      bytes === undefined ? `write a size with its unit, such as ${example}` : `use at least ${minBytes / 1e6}MB`;
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });

export const address = (defaultPort: number) =>
  z.string({ error: `write host:port, such as 192.168.1.50:${defaultPort}` }).transform((text, context) => {
    const target = parseAddress(text, defaultPort);
    if (target) return target;
    context.issues.push({
      code: 'custom',
      message: `write host:port, such as 192.168.1.50:${defaultPort}`,
      input: text,
    });
    return z.NEVER;
  });

export const oneOf = <const T extends readonly (string | number)[]>(values: T) =>
  z.literal(values, { error: `use one of ${values.join(', ')}` });

export const wholeNumber = (min: number, max: number) => {
  const error = `use a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

export const filePath = (example: string) =>
  z.string({ error: `write a path, such as ${example}` }).min(1, { error: `write a path, such as ${example}` });
