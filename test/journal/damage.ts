import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PAGE_BYTES } from '../../agent/journal/salvage/page.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { type Files, makeTemplate, namesBeside, survive, type Template } from '../support/damaged-journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const WAL_HEADER_BYTES = 32;
const FRAME_BYTES = PAGE_BYTES + 24;

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
}

const pageOfBit = (bit: number) => 1 + Math.floor(bit / 8 / PAGE_BYTES);

export function testTruncation(seconds: number): void {
  test('cut at every page boundary: collecting goes on, and each reading on a page that is left comes back', () => {
    const template = makeTemplate(temporaryDirectory(), seconds);
    for (let pages = 0; pages <= template.pageCount; pages++) {
      const cut = ({ 'journal.db': file }: Files) => ({ 'journal.db': file.subarray(0, pages * PAGE_BYTES) });
      const { kept } = survive(
        template,
        cut,
        namesBeside(template, ({ page }) => page > pages),
      );
      if (pages === template.pageCount) expect(kept).toBe(template.readings.size + 7);
    }
  });
}

export function testPages(seconds: number, seed: number): void {
  test.each(['zeros', 'noise', 'the next page'])('each page in turn is %s: what is on the others comes back', (how) => {
    const random = seededRandom(seed);
    const template = makeTemplate(temporaryDirectory(), seconds);
    for (let page = 1; page <= template.pageCount; page++) {
      const overwrite = ({ 'journal.db': file }: Files) => {
        const at = (page - 1) * PAGE_BYTES;
        const next = (page % template.pageCount) * PAGE_BYTES;
        if (how === 'zeros') file.fill(0, at, at + PAGE_BYTES);
        else if (how === 'noise') for (let i = at; i < at + PAGE_BYTES; i++) file[i] = random() * 256;
        else file.copy(file, at, next, next + PAGE_BYTES);
        return undefined;
      };
      survive(
        template,
        overwrite,
        namesBeside(template, (image) => image.page === page),
      );
    }
  });
}

export function testHeaderFlips(step: number): void {
  test('a bit of the header flips: no reading is lost', () => {
    const template = makeTemplate(temporaryDirectory(), 200);
    for (let bit = 0; bit < 800; bit += step) {
      const { lost } = survive(
        template,
        ({ 'journal.db': file }) => void flip(file, bit),
        new Set(template.readings.keys()),
      );
      expect(lost, `bit ${bit}`).toBe(0);
    }
  });
}

export function testFlips(count: number, mostBits: number, seed: number): void {
  test(`${count} times up to ${mostBits} bits flip: no wrong value, and what is on other pages is kept`, () => {
    const random = seededRandom(seed);
    const template = makeTemplate(temporaryDirectory(), 400);
    for (let i = 0; i < count; i++) {
      const bits = Array.from({ length: 1 + Math.floor(random() * mostBits) }, () => randomBit(template, random));
      const pages = new Set(bits.map(pageOfBit));
      survive(
        template,
        ({ 'journal.db': file }) => {
          for (const bit of bits) flip(file, bit);
          return undefined;
        },
        namesBeside(template, ({ page }) => pages.has(page)),
      );
    }
  });
}

const randomBit = ({ pageCount }: Template, random: () => number) => Math.floor(random() * pageCount * PAGE_BYTES * 8);

/** Of a collector that was killed: what it had committed last is in the write-ahead file alone. */
export function testWal(count: number, seed: number): void {
  test(`the write-ahead file of a killed collector, ${count} times a bit flipped in it: what other pages hold comes back`, () => {
    const random = seededRandom(seed);
    const template = makeTemplate(temporaryDirectory(), 600, true);
    const { size } = statSync(join(template.stateDir, 'journal.db-wal'));
    const frames = template.images.length - template.pageCount;
    for (let i = 0; i < count; i++) {
      const bit = Math.floor(random() * size * 8);
      const frame = Math.floor((bit / 8 - WAL_HEADER_BYTES) / FRAME_BYTES);
      survive(
        template,
        ({ 'journal.db-wal': wal }) => void flip(wal, bit),
        // The newest frame comes first.
        namesBeside(template, ({ index }) => index === frames - 1 - frame),
      );
    }
  });

  test('the write-ahead file of a killed collector, cut anywhere: what is left comes back', () => {
    const random = seededRandom(seed);
    const template = makeTemplate(temporaryDirectory(), 300, true);
    for (let i = 0; i < Math.min(count, 100); i++) {
      const part = random();
      survive(
        template,
        ({ 'journal.db-wal': wal }) => ({ 'journal.db-wal': wal.subarray(0, Math.floor(wal.length * part)) }),
        new Set(),
      );
    }
  });
}
