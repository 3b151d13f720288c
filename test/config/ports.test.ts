import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../agent/config/load.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('one port by two names is told, because it could be opened once only; two ports, and one that is away, are right', () => {
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  for (const name of ['ttyUSB0', 'ttyUSB1']) writeFileSync(path(name), '');
  symlinkSync('ttyUSB0', path('by-id'));
  symlinkSync('gone', path('away'));
  const read = (first: string, second: string) => {
    const meters = [first, second].map((name, i) => ({
      name: `m${i}`,
      model: 'we-515',
      unit: i + 1,
      connection: { serial: path(name) },
    }));
    return parseConfig(JSON.stringify({ meters }), 'config.yaml').meters.length;
  };
  expect(() => read('by-id', 'ttyUSB0')).toThrow(
    `meters[1].connection: ${path('ttyUSB0')} is the port of meters[0] by another name; write ${path('by-id')} for both`,
  );
  expect([read('by-id', 'by-id'), read('by-id', 'ttyUSB1'), read('away', 'ttyUSB0')]).toEqual([2, 2, 2]);
});
