import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { Changes } from '../../agent/journal/changes.ts';
import { BEGINNING } from '../../agent/journal/cursors.ts';
import { openForReading } from '../../agent/journal/database.ts';
import { Feed } from '../../agent/journal/feed.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import { asideFiles } from '../../agent/journal/set-aside.ts';
import { everything, FIRST_MS, makeTemplate, nameOf, salvageAll } from '../support/damaged-journal.ts';
import { keepUp } from '../support/history.ts';
import { ALL, open } from '../support/open-journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SECONDS = 400;
const NEWEST_MS = FIRST_MS + (SECONDS - 1) * 1000;

/** As SQLite writes it: seven bits a byte, the highest first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 128)) {
    bytes.unshift((rest % 128) | (bytes.length > 0 ? 128 : 0));
  }
  return Buffer.from(bytes);
}

/** A journal in which a bit has flipped in the key of the reading of this second, in its leaf. */
function flipped(second: number, bit: number) {
  const template = makeTemplate(temporaryDirectory(), SECONDS);
  const path = join(template.stateDir, 'journal.db');
  const key = (FIRST_MS + second * 1000) * 1024 + 1;
  const whole = readFileSync(path);
  // The same number stands in the inner pages of the tree.
  for (let at = whole.indexOf(varint(key)); at >= 0; at = whole.indexOf(varint(key), at + 1)) {
    const file = Buffer.from(whole);
    file.writeUInt8(file.readUInt8(at + (bit >> 3)) ^ (1 << (bit & 7)), at + (bit >> 3));
    writeFileSync(path, file);
    if (!keysOf(path).includes(key)) return { ...template, lost: `house ${FIRST_MS + second * 1000}` };
  }
  throw new Error('the key is nowhere');
}

function keysOf(path: string): number[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare('SELECT key FROM reading').all();
  db.close();
  return rows.map(({ key }) => Number(key));
}

/** Of a year far ahead, of days ahead, of seconds ahead, of seconds before, and of centuries before. */
const BITS = [14, 21, 36, 35, 0];

test.each(
  BITS,
)('bit %i of a key, which SQLite does not notice: who reads there tells it, and all others come back', (bit) => {
  const { stateDir, readings, lost } = flipped(200, bit);
  const reader = new JournalReader(stateDir);
  onTestFinished(() => reader.close());
  expect(() => reader.readings({ ...ALL, toMs: NEWEST_MS })).toThrow(/is damaged: its readings are out of order/);
  const feed = new Feed(stateDir);
  onTestFinished(() => feed.close());
  expect(() => feed.after(BEGINNING, 10_000)).toThrow(/is damaged: its readings are out of order/);
  expect(() => keepUp(stateDir)).toThrow(/is damaged: its readings are out of order/);
  const journal = open(stateDir, { salvage: false });
  journal.flush();
  journal.close();
  expect(asideFiles(stateDir)).toHaveLength(1);
  salvageAll(stateDir);
  const others = [...readings.keys()].filter((name) => name !== lost);
  expect(everything(stateDir).readings.map(nameOf).sort()).toEqual(others.sort());
});

test.each(
  BITS,
)('bit %i of the key of the last in a portion: no consumer goes beyond the newest for it, or back', (bit) => {
  const { stateDir } = flipped(200, bit);
  const feed = new Feed(stateDir);
  onTestFinished(() => feed.close());
  const db = openForReading(stateDir);
  onTestFinished(() => db.close());
  const changes = new Changes(db);
  // Of two meters, of which one has been silent for a fifth of the time.
  for (let limit = 355; limit < 370; limit++) {
    const key = FIRST_MS * 1024 + 1;
    for (const take of [feed.after.bind(feed), changes.after.bind(changes)]) {
      const { position } = attempt(() => take({ key, late: 0 }, limit)) ?? { position: { key } };
      expect(position.key).toBeGreaterThanOrEqual(key);
      expect(position.key).toBeLessThan((NEWEST_MS + 1) * 1024);
    }
  }
});

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    expect(error).toMatchObject({ message: expect.stringMatching(/out of order/) });
    return undefined;
  }
}
