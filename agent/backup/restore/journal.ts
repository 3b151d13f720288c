import { isDeepStrictEqual } from 'node:util';
import { HistoryRestorer, mergeHistory } from '../../history/restorer.ts';
import { Importer } from '../../journal/importer.ts';
import { JournalRestorer, type JournalState } from '../../journal/restorer.ts';
import { unseal } from '../../journal/seal.ts';
import { layoutFields, readSegment } from '../../journal/segment-reader.ts';
import type { Values } from '../../readings/reading.ts';
import { AgentError, messageOf } from '../../system/errors.ts';
import type { SnapshotFile } from '../manifest.ts';
import { DamagedContent, type SnapshotReader } from '../snapshot-reader.ts';

/** A day's file and the pages of SQLite around its rows: measured 1.03. */
const BYTES_ON_DISK = 1.15;
const SEGMENT = /^journal\/\d{4}-/;
const STATE = 'journal/state.json';
const HISTORY = 'history/';
const BATCH = 2000;

export interface JournalRestoreOptions {
  /** Leave out what is gone or damaged instead of ending there. */
  skipDamaged?: boolean | undefined;
  onProgress?: ((done: number, all: number) => void) | undefined;
}

export interface JournalRestoreResult {
  /** Readings by measurement. */
  counts: Record<string, number>;
  /** Of these, how many were not there before. */
  added: number;
  /** Roll-ups that were not there before; backups of older versions have none, and the collector makes them. */
  rollups: number;
  /** One sentence for each file that was left out. */
  damaged: string[];
}

/** What the journal of a snapshot, and its history, will need on the disk. */
export const journalBytes = (snapshot: SnapshotReader): number =>
  sizeOf([...segmentsOf(snapshot), ...snapshot.files(HISTORY)]) * BYTES_ON_DISK;

/**
 * Makes the journal and the history of a snapshot in a state directory that has no journal. It is there when it is whole; broken off at any moment
 * there is none, and the next run begins anew. `before` is what has to be there when the journal is.
 * @throws AgentError when there is a journal, no room, or (without `skipDamaged`) something is damaged
 */
export async function restoreJournal(
  snapshot: SnapshotReader,
  stateDir: string,
  options: JournalRestoreOptions & { before?: (result: JournalRestoreResult) => Promise<void> } = {},
): Promise<JournalRestoreResult> {
  const restorer = new JournalRestorer(stateDir, journalBytes(snapshot));
  let history: HistoryRestorer | undefined;
  try {
    history = new HistoryRestorer(stateDir);
    const result = await eachSegment(snapshot, options, (bytes) => restorer.add(bytes));
    await restoreState(snapshot, restorer, options, result.damaged);
    const isComplete = isDeepStrictEqual(result.counts, { ...snapshot.details.counts });
    if (!isComplete && result.damaged.length === 0) {
      const problem = `backup ${snapshot.manifest.sequence} has other readings than were counted when it was made`;
      if (!options.skipDamaged) {
        throw new AgentError('storage', problem, {
          hint: 'use another backup, or take what there is with --skip-damaged',
        });
      }
      result.damaged.push(problem);
    }
    await eachRollups(snapshot, options, result, (bytes) => history?.add(bytes));
    const restored = { ...result, added: sum(result.counts), rollups: 0 };
    await options.before?.(restored);
    // The journal last: with it all is there.
    restored.rollups = history.finish();
    restorer.finish();
    return restored;
  } catch (error) {
    history?.abandon();
    restorer.abandon();
    throw error;
  }
}

async function restoreState(
  snapshot: SnapshotReader,
  restorer: JournalRestorer,
  { skipDamaged }: JournalRestoreOptions,
  damaged: string[],
): Promise<void> {
  const state = snapshot.file(STATE);
  if (!state) return;
  try {
    restorer.addState(JSON.parse((await snapshot.whole(state)).toString()) as JournalState);
  } catch (error) {
    if (!skipDamaged || !(error instanceof DamagedContent)) throw error;
    damaged.push(messageOf(error));
  }
}

/** The files of the history; one that is damaged is left out where that is asked for. */
async function eachRollups(
  snapshot: SnapshotReader,
  { skipDamaged = false }: JournalRestoreOptions,
  { damaged }: { damaged: string[] },
  take: (bytes: Buffer) => void,
): Promise<void> {
  for (const file of snapshot.files(HISTORY)) {
    try {
      take(await snapshot.whole(file));
    } catch (error) {
      if (!skipDamaged || !(error instanceof DamagedContent)) throw error;
      damaged.push(messageOf(error));
    }
  }
}

/**
 * Adds the readings and roll-ups of a snapshot to a journal that is there, beside a collector that goes on: what is in it stays as it is.
 * Positions of servers stay where they are, so that what comes is forwarded as late readings are.
 */
export async function mergeJournal(
  snapshot: SnapshotReader,
  stateDir: string,
  options: JournalRestoreOptions = {},
): Promise<JournalRestoreResult> {
  const importer = new Importer(stateDir);
  let added = 0;
  let unreadable = 0;
  const mark = {
    key: undefined,
    value: ({ stored, completed }: { stored: number; completed: number }) => {
      added += stored + completed;
    },
  };
  try {
    const result = await eachSegment(snapshot, options, (bytes) => {
      const counts: Record<string, number> = {};
      let batch = [];
      for (const { reading, decimals } of readingsOf(bytes, () => unreadable++)) {
        const { measurement } = reading.series;
        counts[measurement] = (counts[measurement] ?? 0) + 1;
        if (batch.push({ reading, decimals }) < BATCH) continue;
        importer.store(batch, mark);
        batch = [];
      }
      importer.store(batch, mark);
      return counts;
    });
    let rollups = 0;
    await eachRollups(snapshot, options, result, (bytes) => {
      rollups += mergeHistory(stateDir, bytes);
    });
    if (unreadable > 0) {
      result.damaged.push(`readings that were damaged in the journal when it was backed up: ${unreadable}`);
    }
    return { ...result, added, rollups };
  } finally {
    importer.close();
  }
}

/** @param onUnreadable told of each reading whose checksum (seal.ts) does not match */
function* readingsOf(bytes: Buffer, onUnreadable: () => void) {
  const { head, rows } = readSegment(bytes);
  const series = new Map(
    head.series.map(([id, measurement, meter, model]) => [id, { measurement, meter, model }] as const),
  );
  const layouts = new Map(
    head.layouts.map(([id]) => {
      const fields = layoutFields(head, id);
      const exact = fields.flatMap(({ name, decimals }) => (decimals === null ? [] : [[name, decimals] as const]));
      return [id, { fields, decimals: Object.fromEntries(exact) }] as const;
    }),
  );
  for (const row of rows()) {
    const [one, layout] = [series.get(row.series), layouts.get(row.layout)];
    if (!one || !layout) throw new RangeError('a segment without its series or layout');
    const at = { series: one, timeMs: row.timeMs };
    let values: Values;
    try {
      values = unseal(at, layout.fields, row.data);
    } catch {
      onUnreadable();
      continue;
    }
    yield { reading: { ...at, values }, decimals: layout.decimals };
  }
}

async function eachSegment(
  snapshot: SnapshotReader,
  { skipDamaged = false, onProgress }: JournalRestoreOptions,
  take: (bytes: Buffer) => Record<string, number>,
): Promise<Omit<JournalRestoreResult, 'added' | 'rollups'>> {
  const result = { counts: {} as Record<string, number>, damaged: [...snapshot.lost] };
  const files = segmentsOf(snapshot);
  const all = sizeOf(files);
  let done = 0;
  for (const file of files) {
    try {
      const counts = take(await snapshot.whole(file));
      for (const [measurement, n] of Object.entries(counts))
        result.counts[measurement] = (result.counts[measurement] ?? 0) + n;
    } catch (error) {
      if (!skipDamaged || !(error instanceof DamagedContent)) throw error;
      result.damaged.push(messageOf(error));
    }
    done += file.bytes;
    onProgress?.(done, all);
  }
  return result;
}

const segmentsOf = (snapshot: SnapshotReader) => snapshot.files('journal/').filter(({ path }) => SEGMENT.test(path));
const sizeOf = (files: readonly SnapshotFile[]) => files.reduce((total, { bytes }) => total + bytes, 0);
const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, n) => total + n, 0);
