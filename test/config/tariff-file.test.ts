import { expect, test } from 'vitest';
import { ConfigError } from '../../agent/config/config-error.ts';
import { parseTariffs } from '../../agent/config/tariff-file.ts';
import { SERVICE_515, SERVICE_526 } from '../../agent/meters/service/orno.ts';

const parse = (text: string) => parseTariffs(text, 'tariffs.yaml', 'we-515', SERVICE_515.tariffs ?? []);

function mistakes(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.message
        .split('\n')
        .slice(1)
        .map((line) => line.trim());
    throw error;
  }
  return [];
}

test('all mistakes are named at once, each with its line and what to write', () => {
  const text = `model: we-517
workdays: []
workday:
  - {at: "07:00", tariff: 2}
  - {at: "06:00", tariff: 5}
  - {at: "24:00", tariff: 1}
  - {at: "07:00", tariff: 3}
  - {at: 7, tariff: 3}
  - {att: "09:00", tariff: 1}
  - "12:00"
weekend:
${'  - {at: "00:00", tariff: 1}\n'.repeat(1)}${[1, 2, 3, 4, 5, 6, 7, 8].map((hour) => `  - {at: "0${hour}:00", tariff: 1}\n`).join('')}holiday: 5
holidays: ["12-25", "02-30", "12-25", "2026-01-01", 13]
`;
  expect(mistakes(text)).toEqual([
    expect.stringMatching(/^line 1: model: is "we-517"; write model: we-515/),
    expect.stringMatching(/^line 5: workday\[1\]\.tariff: is 5; use one of 1, 2, 3, 4/),
    expect.stringMatching(/^line 6: workday\[2\]\.at: is "24:00"; write a time from 00:00 to 23:59/),
    expect.stringMatching(/^line 8: workday\[4\]\.at: is 7; write a time/),
    expect.stringMatching(/^line 9: workday\[5\]\.at: is missing; write a time/),
    expect.stringMatching(/^line 9: workday\[5\]\.att: unknown key; did you mean at\?/),
    expect.stringMatching(/^line 10: workday\[6\]: is "12:00"; write \{at: "07:00", tariff: 2\}/),
    expect.stringMatching(/^line 12: weekend: is .*; the meter has room for 8/),
    expect.stringMatching(/^line 21: holiday: is 5; write a list, \[\] for none/),
    expect.stringMatching(/^line 22: holidays\[1\]: is "02-30"; write month and day/),
    expect.stringMatching(/^line 22: holidays\[3\]: is "2026-01-01"; write month and day.*no years/),
    expect.stringMatching(/^line 22: holidays\[4\]: is 13; write month and day/),
    expect.stringMatching(/^line 2: workdays: unknown key; did you mean workday\?/),
    expect.stringMatching(/^line 5: workday\[1\]: is 06:00, behind 07:00; write them in order/),
    expect.stringMatching(/^line 7: workday\[3\]: is 07:00, which is there already/),
    expect.stringMatching(/^line 22: holidays\[2\]: is 12-25, which is there already/),
  ]);
});

test.for([
  ['model: we-515\nworkday: []\n', 'workday: is empty; write one switch-over point at least'],
  ['- 1\n', 'the present schedule'],
  ['model: [', 'no valid YAML'],
] as const)('%j is no schedule', ([text, message]) => {
  expect(mistakes(text).join('\n')).toContain(message);
});

test('29 February is a date; parts that are left out are not wanted', () => {
  const wanted = parse('model: we-515\nholidays: ["02-29"]\n');
  expect([...wanted]).toEqual([['holidays', [{ month: 2, day: 29 }]]]);
});

test('dates with a day table', () => {
  const parts = SERVICE_526.tariffs ?? [];
  const wanted = parseTariffs('model: we-526\nseasons: [{from: "04-01", table: 2}]\n', 'f', 'we-526', parts);
  expect([...wanted]).toEqual([['seasons', [{ month: 4, day: 1, table: 2 }]]]);
});
