import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BrokenAnswer } from '../../../agent/influxdb/snapshot/broken-answer.ts';
import { readMultipart } from '../../../agent/influxdb/snapshot/multipart.ts';
import { collect, inChunks } from './chunks.ts';
import { exchange } from './recording.ts';

const BOUNDARY = '39ea39f5ceeb';
const TYPE = `multipart/mixed; boundary=${BOUNDARY}`;

async function read(
  body: Uint8Array,
  lengths: readonly number[],
  take: 'all' | 'some' | 'nothing' = 'all',
  type = TYPE,
) {
  const parts: [string, string][] = [];
  for await (const { name, content } of readMultipart(type, inChunks(body, lengths))) {
    let taken = '';
    if (take === 'all') taken = (await collect(content)).toString('latin1');
    else if (take === 'some') for await (const _ of content) break;
    parts.push([name, taken]);
  }
  return parts;
}

function encode(parts: readonly (readonly [string, string])[]): Buffer {
  const texts = parts.map(
    ([name, content], i) =>
      `${i === 0 ? '' : '\r\n'}--${BOUNDARY}\r\nContent-Disposition: attachment; name="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n${content}`,
  );
  return Buffer.from(`${texts.join('')}\r\n--${BOUNDARY}--\r\n`, 'latin1');
}

const names = (count: number) => ['kv', 'sql', 'buckets', 'more'].slice(0, count);

test('parts are the same however they are cut into pieces, and however much of them is taken', async () => {
  // Contents that nearly hold the boundary.
  const content = fc
    .array(fc.constantFrom('\r', '\n', '\r\n', '-', '--', '\r\n--', BOUNDARY, '39ea', '\0', 'ÿ', 'text'), {
      maxLength: 30,
    })
    .map((pieces) => pieces.join(''))
    .filter((text) => !text.includes(`\r\n--${BOUNDARY}`));
  const chunks = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 });
  const takes = fc.constantFrom('all' as const, 'some' as const, 'nothing' as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(content, { minLength: 1, maxLength: 4 }),
      chunks,
      takes,
      async (contents, lengths, take) => {
        const parts = contents.map((text, i) => [names(4)[i] ?? '', text] as const);
        const found = await read(encode(parts), lengths, take);
        expect(found).toEqual(take === 'all' ? parts : parts.map(([name]) => [name, '']));
      },
    ),
    { seed: 11, numRuns: 300 },
  );
});

test('the recorded metadata have their three parts', async () => {
  const { headers, body } = exchange('/api/v2/backup/metadata');
  const type = headers['content-type'];
  const parts = await read(gunzipSync(Buffer.from(body, 'base64')), [10_000], 'all', type);
  expect(parts.map(([name]) => name)).toEqual(names(3));
  expect(parts[1]?.[1]).toMatch(/^SQLite format 3/);
  expect(JSON.parse(parts[2]?.[1] ?? '')).toHaveLength(4);
});

test('each place where the body can be cut off is found', async () => {
  const body = encode([
    ['kv', 'bolt\r\n'],
    ['buckets', '[]'],
  ]);
  // The line end behind the last boundary says nothing.
  for (let cut = 0; cut < body.length - 2; cut++) {
    for (const take of ['all', 'nothing'] as const) {
      await expect(read(body.subarray(0, cut), [7], take), `${cut}`).rejects.toBeInstanceOf(BrokenAnswer);
    }
  }
});

test.each([
  [
    'text behind the end',
    encode([['kv', 'x']])
      .toString('latin1')
      .concat('{"code":"internal error"}'),
    TYPE,
  ],
  [
    'an error within a part',
    encode([['kv', 'x']])
      .toString('latin1')
      .replace(/\r\n--39ea.*--\r\n$/s, '{"code":"x"}'),
    TYPE,
  ],
  ['a page', '<html>hello</html>', 'text/html'],
  [
    'another boundary',
    encode([['kv', 'x']])
      .toString('latin1')
      .replaceAll('39ea', '39eb'),
    TYPE,
  ],
  [
    'a part without a name',
    encode([['kv', 'x']])
      .toString('latin1')
      .replace('name=', 'nome='),
    TYPE,
  ],
  ['a head without an end', `--${BOUNDARY}\r\n${'x'.repeat(20_000)}`, TYPE],
])('%s is found', async (_what, body, type) => {
  await expect(read(Buffer.from(body, 'latin1'), [50], 'all', type)).rejects.toBeInstanceOf(BrokenAnswer);
});
