import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BrokenAnswer } from '../../../agent/influxdb/snapshot/broken-answer.ts';
import { readTar, type TarHeader } from '../../../agent/influxdb/snapshot/tar-reader.ts';
import { writeTar } from '../../../agent/influxdb/snapshot/tar-writer.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { collect, inChunks } from './chunks.ts';
import { exchange } from './recording.ts';

const RECORDED = gunzipSync(Buffer.from(exchange('/api/v2/backup/shards/1').body, 'base64'));
const EMPTY = Buffer.from(exchange('/api/v2/backup/shards/1?since').body, 'base64');

type Take = 'all' | 'some' | 'nothing';

async function read(body: AsyncIterable<Uint8Array>, take: Take = 'all') {
  const entries: [TarHeader, string][] = [];
  for await (const { content, ...header } of readTar(body)) {
    let taken = '';
    if (take === 'all') taken = (await collect(content)).toString('latin1');
    else if (take === 'some') for await (const _ of content) break;
    entries.push([header, taken]);
  }
  return entries;
}

/** A tar with these files, as our own writer makes it. */
function tarOf(files: readonly { header: TarHeader; content: string }[]): Promise<Buffer> {
  return collect(writeTar(files.map(({ header, content }) => ({ header, content: () => [Buffer.from(content)] }))));
}

function file(name: string, content: string): { header: TarHeader; content: string } {
  return {
    header: { name, type: 'file', mode: 0o644, mtimeS: 1_772_323_200, size: Buffer.byteLength(content) },
    content,
  };
}

test('the recorded tar of a shard has one TSM file, that of no newer file has none', async () => {
  const [[header, content] = []] = await read(inChunks(RECORDED, []));
  expect(header).toMatchObject({ type: 'file', mode: 0o644, size: content?.length });
  expect(header?.name).toMatch(/^[0-9a-f]{16}\/autogen\/1\/000000001-000000001\.tsm$/);
  expect(await read(inChunks(EMPTY, []))).toEqual([]);
});

test('files are the same however they are cut into pieces, and however much of them is taken', async () => {
  const files = fc.array(
    fc.record({
      name: fc.stringMatching(/^[a-z0-9]{1,40}(\/[a-z0-9]{1,40}){0,4}$/),
      content: fc.string({ maxLength: 1500 }),
    }),
    { maxLength: 5 },
  );
  const chunks = fc.array(fc.integer({ min: 1, max: 1100 }), { minLength: 1 });
  const takes = fc.constantFrom<Take>('all', 'some', 'nothing');
  await fc.assert(
    fc.asyncProperty(files, chunks, takes, async (listed, lengths, take) => {
      const wanted = listed.map(({ name, content }) => file(name, content));
      const found = await read(inChunks(await tarOf(wanted), lengths), take);
      expect(found.map(([header]) => header)).toEqual(wanted.map(({ header }) => header));
      if (take !== 'all') return;
      expect(found.map(([, text]) => Buffer.from(text, 'latin1').toString())).toEqual(
        wanted.map(({ content }) => content),
      );
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('each place where a tar can be cut off is found, taken or not', async () => {
  for (const take of ['all', 'nothing'] as const) {
    for (let cut = 0; cut < RECORDED.length; cut++) {
      await expect(read(inChunks(RECORDED.subarray(0, cut), [700]), take), `${cut}`).rejects.toBeInstanceOf(
        BrokenAnswer,
      );
    }
  }
  for (let cut = 0; cut < EMPTY.length; cut++) {
    await expect(read(inChunks(EMPTY.subarray(0, cut), [])), `${cut}`).rejects.toBeInstanceOf(BrokenAnswer);
  }
});

test('each changed byte of a header is found', async () => {
  for (let at = 0; at < 512; at++) {
    // What fills the checksum's own field.
    if (at === 155) continue;
    const changed = Buffer.from(RECORDED);
    changed[at] = (changed[at] ?? 0) ^ 0x15;
    await expect(read(inChunks(changed, [])), `${at}`).rejects.toBeInstanceOf(BrokenAnswer);
  }
});

const SAID = '{"code":"internal error","message":"An internal error has occurred - check server logs"}';

test.each([
  ['behind a whole tar', Buffer.concat([RECORDED, Buffer.from(SAID)])],
  ['behind an empty tar', Buffer.concat([EMPTY, Buffer.from(SAID)])],
  ['behind a file', Buffer.concat([RECORDED.subarray(0, -1024), Buffer.from(SAID)])],
  ['instead of a tar', Buffer.from(SAID)],
  ['behind half an end', Buffer.concat([RECORDED.subarray(0, -512), Buffer.from(SAID)])],
])('an error of the server %s is found and told', async (_where, body) => {
  await expect(read(inChunks(body, [300]))).rejects.toThrow('the server says: An internal error has occurred');
});

test('an error of the server within a file is found', async () => {
  const body = Buffer.concat([RECORDED.subarray(0, 700), Buffer.from(SAID)]);
  await expect(read(inChunks(body, []))).rejects.toThrow('cut off');
});

test('what GNU tar writes is read, with long names and odd owners; what we write GNU tar reads', async () => {
  const directory = temporaryDirectory();
  const long = `${'long'.repeat(30)}-Grüße.tsm`;
  writeFileSync(join(directory, long), 'content');
  const tar = (...args: string[]) => execFileSync('tar', args, { cwd: directory });
  const theirs = tar('--format=pax', '-b1', '--owner=x:4294967290', '-cf', '-', long);
  expect((await read(inChunks(theirs, [100]))).map(([{ name, size }, text]) => [name, size, text])).toEqual([
    [long, 7, 'content'],
  ]);
  const ours = [
    file('a/b.tsm', 'x'.repeat(1000)),
    file(`${'d'.repeat(90)}/${'e'.repeat(90)}`, ''),
    file('c', 'c'.repeat(512)),
  ];
  const at = join(directory, 'ours.tar');
  writeFileSync(at, await tarOf(ours));
  tar('-xf', 'ours.tar');
  for (const { header, content } of ours) expect(readFileSync(join(directory, header.name), 'utf8')).toBe(content);
});

test('a file that is not as long as its header says is not written', async () => {
  const { header } = file('short.tsm', 'abc');
  await expect(collect(writeTar([{ header, content: () => [Buffer.from('ab')] }]))).rejects.toThrow(
    '2 bytes instead of 3',
  );
});
