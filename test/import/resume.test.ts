import { expect, onTestFinished, test } from 'vitest';
import { Converter } from '../../agent/import/converter.ts';
import { Progress } from '../../agent/import/progress.ts';
import type { Item, Position, RawPoint, Source } from '../../agent/import/source.ts';
import { SourceImport } from '../../agent/import/source-import.ts';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { type ImportedReading, Importer, type ImportMark } from '../../agent/journal/importer.ts';
import { fileSource, importInto, textFile } from '../support/imports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingAt } from './readings.ts';

const BASE = Date.UTC(2026, 2, 1);
const MEANING = { meter: 'house', model: 'we-515', measurement: 'energy', mapping: {} };
const linesOf = (count: number, fromMs = BASE) =>
  Array.from({ length: count }, (_, i) => `${toLine(readingAt(fromMs + i * 1000))}\n`).join('');
const silentScreen = { write: () => {} };

test('an invalid record that ended an import is counted once when it goes on', async () => {
  const stateDir = temporaryDirectory();
  const path = textFile('bad.lp', `${linesOf(10)}${'energy voltage=x 1\n'.repeat(4)}${linesOf(10, BASE + 60_000)}`);
  for (const maxErrors of [0, 1, 2, 3]) {
    const importing = importInto(stateDir, [fileSource(path)], { maxErrors });
    await expect(importing).rejects.toThrow(new RegExp(`this is invalid record ${maxErrors + 1}$`));
  }
  const { out } = await importInto(stateDir, [fileSource(path)], { maxErrors: 4 });
  expect(out).toContain('20 new readings, 0 there already; left out: 4 invalid');
});

/** A source of points, of which some share a time: between these there is no place to go on from. */
function sourceOf(points: readonly RawPoint[], identity: object | undefined = { name: 'points' }): Source {
  return {
    name: 'points',
    identity: identity && { ...identity },
    kind: 'points',
    fromSeed: false,
    notes: [],
    survey: undefined,
    share: () => undefined,
    items: async function* (position: Position | undefined) {
      const fromMs = position && 'fromMs' in position ? position.fromMs : 0;
      const left = points.filter(({ timeMs }) => timeMs >= fromMs);
      yield left.map((content, i): Item => {
        const nextMs = left[i + 1]?.timeMs ?? content.timeMs + 1;
        return { content, after: nextMs > content.timeMs ? { fromMs: nextMs } : undefined };
      });
    },
  };
}

const pointOf = (timeMs: number, meter: string, voltage: number): RawPoint => ({
  measurement: 'energy',
  tags: { meter, model: 'we-515' },
  timeMs,
  fields: { voltage },
  isAlone: false,
});

test('records that are read again, because there was no place to go on behind them, count once', async () => {
  const stateDir = temporaryDirectory();
  const points = [
    pointOf(BASE, 'a', 230),
    pointOf(BASE + 1000, 'a', 230),
    pointOf(BASE + 1000, 'b', 9999),
    pointOf(BASE + 1000, 'c', 9999),
  ];
  const sources = [async () => sourceOf(points)];
  await expect(importInto(stateDir, sources, { maxErrors: 1 })).rejects.toThrow(/invalid record 2/);
  const { said, out } = await importInto(stateDir, sources, { maxErrors: 2 });
  expect(said).toContain('going on behind record 1,');
  expect(out).toContain('2 new readings, 0 there already; left out: 2 invalid');
});

/** The first commit fails when everything is done but the commit itself. */
class FailingImporter extends Importer {
  #failures = 1;

  override store(readings: readonly ImportedReading[], mark: ImportMark): number {
    const value: ImportMark['value'] = (counts) => {
      const saved = mark.value(counts);
      if (this.#failures-- > 0) throw new Error('database or disk is full');
      return saved;
    };
    return super.store(readings, { ...mark, value });
  }
}

test('a commit that failed and was repeated counts its readings once', async () => {
  const importer = new FailingImporter(temporaryDirectory());
  onTestFinished(() => importer.close());
  const origins = {};
  const converter = new Converter({
    ...MEANING,
    fromSeed: false,
    unitsAreSaid: true,
    nowMs: Date.now(),
    modelsOf: () => [],
    origins,
  });
  const source = sourceOf(Array.from({ length: 700 }, (_, i) => pointOf(BASE + i * 1000, 'a', 230)));
  const work = new SourceImport(
    { source, importer, converter, markKey: 'mark', maxErrors: 0, signal: new AbortController().signal, origins },
    undefined,
  );
  await expect(work.run(new Progress(silentScreen, 'points', 0))).rejects.toThrow(/disk is full/);
  expect(importer.mark('mark')).toMatchObject({ tally: { stored: 500, there: 0, records: 500 } });
});

test('a full journal takes an import of which nothing is new', async () => {
  const stateDir = temporaryDirectory();
  const path = textFile('a.lp', linesOf(10));
  await importInto(stateDir, [fileSource(path)]);
  expect((await importInto(stateDir, [fileSource(path)], { maxBytes: 10 })).out).toContain('10 there already');
  const more = fileSource(textFile('b.lp', linesOf(11)));
  await expect(importInto(stateDir, [more], { maxBytes: 10 })).rejects.toThrow(/as large as it may be/);
});

test('an empty file among several is passed over', async () => {
  const stateDir = temporaryDirectory();
  const sources = [textFile('empty.lp', ''), textFile('a.lp', linesOf(3)), textFile('none.csv', '\n\n')].map((path) =>
    fileSource(path),
  );
  const { said, out } = await importInto(stateDir, sources);
  expect(out).toContain('3 new readings');
  expect(said).toMatch(/empty\.lp is empty, so it is passed over\n.*none\.csv is empty, so it is passed over\n/s);
});
