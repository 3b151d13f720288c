import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPrivateFile, requirePrivateFile } from '../../agent/system/private-file.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function fileWith(text: string): string {
  const path = join(temporaryDirectory(), 'secret');
  writeFileSync(path, text);
  return path;
}

test("a secret is the file's text without the line's end, whoever reads it", () => {
  const path = fileWith('geheim\r\n');
  expect([readPrivateFile(path), requirePrivateFile(path)]).toEqual(['geheim', 'geheim']);
});

test('a secret that may be missing is undefined, one that has to be there is asked for', () => {
  const missing = join(temporaryDirectory(), 'secret');
  expect(readPrivateFile(missing)).toBeUndefined();
  expect(() => requirePrivateFile(missing)).toThrowError(/^the secret's file .* is not there$/);
  const empty = fileWith('\n');
  expect(readPrivateFile(empty)).toBeUndefined();
  expect(() => requirePrivateFile(empty)).toThrowError(/^the secret's file .* is empty$/);
});

test('what is no file is said in the same words, never read as missing', () => {
  for (const read of [readPrivateFile, requirePrivateFile])
    expect(() => read(temporaryDirectory())).toThrowError(/^the secret's file .* is a directory$/);
});

test('a path through a file is said as what it is', () => {
  const path = join(fileWith(''), 'secret');
  expect(() => readPrivateFile(path)).toThrowError(/cannot be read: a part of its path is no directory$/);
});
