import { expect, test } from 'vitest';
import { createLogger, detectFormat, type LogFormat } from '../../agent/system/logging.ts';
import { scrub } from '../../agent/system/scrub.ts';

function logged(format: LogFormat, write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  write(createLogger({ format, level: 'debug', write: (line) => void lines.push(line) }));
  return lines.join('');
}

test('under systemd each line is for a person, behind its syslog priority', () => {
  const text = logged('journald', (log) => {
    log.debug('a');
    log.info({ meter: 'house', gaps: { timeout: 2 } }, 'b\n  goes on');
    log.warn('c');
    log.error('d');
    log.fatal('e');
  });
  const lines = text.trim().split('\n');
  expect(lines.map((line) => line.slice(0, 3))).toEqual(['<7>', '<6>', '<4>', '<3>', '<2>']);
  expect(lines[1]).toBe('<6>b goes on meter=house gaps={"timeout":2}');
});

test('on a terminal a line is for a person', () => {
  const text = logged('terminal', (log) => log.warn({ meter: 'house', gaps: 3 }, 'line lost'));
  expect(text).toMatch(/^\d\d:\d\d:\d\d warn {2}line lost meter=house gaps=3\n$/);
});

test.for([
  [{ JOURNAL_STREAM: '8:1' }, false, 'journald'],
  [{ JOURNAL_STREAM: '8:1' }, true, 'terminal'],
  [{}, true, 'terminal'],
  [{}, false, 'json'],
] as const)('format for %o, terminal %s: %s', ([env, isTerminal, format]) => {
  expect(detectFormat(env, isTerminal)).toBe(format);
});

test('secrets are redacted by key, at any usual depth', () => {
  const text = logged('json', (log) =>
    log.info(
      { token: 'geheim1', a: { password: 'geheim2' }, b: { c: { sas: 'geheim3' } }, authorization: 'geheim4' },
      'x',
    ),
  );
  expect(text).not.toMatch(/geheim/);
  expect(text).toContain('***');
});

test.for([
  ['https://x.blob.core.windows.net/c?sv=1&sig=abc%2Bdef&se=2', 'https://x.blob.core.windows.net/c?sv=1&sig=***&se=2'],
  ['AccountName=a;AccountKey=abcdef==;EndpointSuffix=x', 'AccountName=a;AccountKey=***;EndpointSuffix=x'],
  ['http://user:hunter2@host/path', 'http://user:***@host/path'],
  ['http://user:hunter2@and@more@host/path', 'http://user:***@host/path'],
  ['Authorization: Token aGVsbG8gd29ybGQ=', 'Authorization: Token ***'],
  ['no secret at host:502', 'no secret at host:502'],
] as const)('secrets in texts are scrubbed: %s', ([text, scrubbed]) => {
  expect(scrub(text)).toBe(scrubbed);
});

test('the message itself is scrubbed', () => {
  expect(logged('json', (log) => log.error('PUT ?sig=verysecret failed'))).not.toContain('verysecret');
});

test.for([
  'journald',
  'terminal',
  'json',
] as const)('a secret before a quote or behind a line end is scrubbed, and the line is whole: %s', (format) => {
  const text = logged(format, (log) => {
    log.error({ reply: 'two\nAGE-SECRET-KEY-1VERYSECRET' }, 'GET "https://a/c?sv=1&sig=verysecret" was refused');
    log.error({ err: new Error('one\nsig=verysecret') }, 'first\nToken verysecret');
    log.error('"AccountName=a;AccountKey=verysecret" is\r\nBearer verysecret');
  });
  expect(text).not.toMatch(/verysecret/i);
  expect(text).toMatch(/sig=\*\*\*\\?" was refused/);
  expect(text.trim().split('\n')).toHaveLength(3);
});
