import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ImportOptions, runImport } from '../../agent/import/run.ts';
import type { Source } from '../../agent/import/source.ts';
import { type TextOptions, textSource } from '../../agent/import/text-source.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { temporaryDirectory } from './temporary.ts';

/** What an import printed, and what it said on the way. */
export interface Imported {
  out: string;
  said: string;
}

/** An import in this process. */
export async function importInto(
  stateDir: string,
  sources: ImportOptions['sources'],
  options: Partial<ImportOptions> = {},
): Promise<Imported> {
  const imported: Imported = { out: '', said: '' };
  await runImport({
    stateDir,
    sources,
    meaning: { meter: 'house', model: undefined, measurement: 'energy', mapping: {} },
    unitsAreSaid: false,
    maxErrors: 100,
    dryRun: false,
    restart: false,
    screen: {
      write: (text) => {
        imported.said += text;
      },
    },
    print: (text) => {
      imported.out += text;
    },
    signal: new AbortController().signal,
    ...options,
  });
  return imported;
}

export function fileSource(path: string, options: Partial<TextOptions> = {}) {
  return () => textSource(path, { format: 'auto', precision: 'auto', measurement: 'energy', mapping: {}, ...options });
}

export function textFile(name: string, text: string | Buffer): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, text);
  return path;
}

export function allReadings(stateDir: string): Reading[] {
  const reader = new JournalReader(stateDir);
  try {
    return [...reader.each({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER })];
  } finally {
    reader.close();
  }
}

/** A source during which, with the given number of its pieces read, somebody presses Ctrl-C. */
export async function stoppedAfter(
  open: () => Promise<Source>,
  pieces: number,
  stop: AbortController,
): Promise<Source> {
  const source = await open();
  return {
    ...source,
    items: async function* (position) {
      let left = pieces;
      for await (const items of source.items(position)) {
        left--;
        if (left <= 0) stop.abort();
        yield items;
      }
    },
  };
}
