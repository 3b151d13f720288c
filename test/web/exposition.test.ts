import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exposition, Families, type Family, formatFor } from '../../agent/web/metrics/exposition.ts';
import { parsedMetrics, promtoolSays } from '../support/promtool.ts';

const FAMILIES: Family[] = [
  { name: 'a_seconds', type: 'counter', unit: 'seconds', help: 'A "counter"\\.', samples: [{ value: 1.5 }] },
  {
    name: 'b',
    type: 'info',
    help: 'What\nit is.',
    samples: [{ value: 1, labels: { version: '1', name: 'a"b\\c\nd' } }],
  },
  { name: 'empty', type: 'gauge', help: 'Nothing.', samples: [] },
];

test('OpenMetrics has units, an end, and metadata that name the family', () => {
  expect(exposition(FAMILIES, 'openmetrics')).toBe(
    [
      '# HELP a_seconds A \\"counter\\"\\\\.',
      '# TYPE a_seconds counter',
      '# UNIT a_seconds seconds',
      'a_seconds_total 1.5',
      '# HELP b What\\nit is.',
      '# TYPE b info',
      'b_info{version="1",name="a\\"b\\\\c\\nd"} 1',
      '# EOF',
      '',
    ].join('\n'),
  );
});

test('the classic format has metadata that name the samples', () => {
  expect(exposition(FAMILIES, 'classic')).toBe(
    [
      '# HELP a_seconds_total A "counter"\\\\.',
      '# TYPE a_seconds_total counter',
      'a_seconds_total 1.5',
      '# HELP b_info What\\nit is.',
      '# TYPE b_info gauge',
      'b_info{version="1",name="a\\"b\\\\c\\nd"} 1',
      '',
    ].join('\n'),
  );
});

/** Any text; what Unicode calls a line's end is none here, and quotes and backslashes come often. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom('"', '\\', '\n', '\r', '\u2028', '{', '}', ',', '=', ' ', '#', 'n'),
      fc.string({ unit: 'grapheme' }),
    ),
  )
  .map((parts) => parts.join(''));
const anyNumber = fc.double();

test.for(['openmetrics', 'classic'] as const)('any text and any number come back equal from %s', (format, context) => {
  const sample = fc.record({ text: anyText, value: anyNumber, help: anyText });
  // One text for all: each look at one is a process.
  const given = fc.sample(sample, { seed: 9, numRuns: 400 });
  const families = new Families();
  for (const [i, { text, value, help }] of given.entries()) {
    families.add({ name: `some_${i}`, type: 'gauge', help: `x${help}x` }, value, { text });
  }
  const back = parsedMetrics(context, exposition(families.all(), format), format);
  expect(back).toHaveLength(given.length);
  for (const [i, { text, value, help }] of given.entries()) {
    // There is one zero.
    const samples = [{ name: `some_${i}`, labels: { text }, value: value + 0 }];
    expect(back[i]).toMatchObject({ name: `some_${i}`, help: `x${help}x`, samples });
  }
});

test('numbers that are none have the names that the formats give them', () => {
  const of = (value: number) => exposition([{ name: 'a', type: 'gauge', help: 'A.', samples: [{ value }] }], 'classic');
  const shown = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, -0.1].map(of);
  expect(shown.map((text) => text.trim().split(' ').at(-1))).toEqual(['NaN', '+Inf', '-Inf', '1e+21', '-0.1']);
});

test('promtool takes labels with everything in them', (context) => {
  const text = exposition(FAMILIES, 'classic');
  expect(promtoolSays(context, text)).toBe('');
  expect(promtoolSays(context, text.replace('\\"', '"'))).not.toBe('');
});

test.each([
  ['', 'classic'],
  ['*/*', 'classic'],
  ['text/html, */*;q=0.8', 'classic'],
  ['text/plain;version=0.0.4', 'classic'],
  // Prometheus 2.42, and 3.
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  ['application/openmetrics-text; version="1.0.0"', 'openmetrics'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text;version=2.0.0', 'classic'],
  ['application/openmetrics-text;q=0', 'classic'],
  ['application/openmetrics-text;q=0.1, text/plain;q=0.9', 'classic'],
] as const)('who accepts %j gets %s', (accept, format) => {
  expect(formatFor(accept)).toBe(format);
});
