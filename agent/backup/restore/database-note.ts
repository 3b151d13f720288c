import type { RestoredBucket } from '../../influxdb/restore/restore-bucket.ts';
import { notePath, readNote, removeNote, writeNote } from '../notes.ts';

/** A bucket that was made for a restore; `restored` once all of it is there. */
interface NotedBucket {
  id: string;
  restored?: RestoredBucket;
  /** As of BucketRestore: once it is in place, nothing tells it any more. */
  differsFromMs?: number | undefined;
}

interface Noted {
  /** Names the backup, whatever its number is in another place. */
  backup: string;
  /** Of a backup of ours. */
  sequence: number | undefined;
  /** By their names in the backup. */
  buckets: Record<string, NotedBucket>;
}

/**
 * What of a server's restore is done while it is under way: a run that was broken off is gone on with, and what is in place
 * already is not brought a second time. The server's ids tell whether it is still the same.
 */
export class DatabaseNote {
  readonly #stateDir: string;
  readonly #sink: string;
  #noted: Noted;

  private constructor(stateDir: string, sink: string, noted: Noted) {
    this.#stateDir = stateDir;
    this.#sink = sink;
    this.#noted = noted;
  }

  /** The one that is there, if it is of this backup; else a new one. */
  static open(stateDir: string, sink: string, { backup, sequence }: Omit<Noted, 'buckets'>): DatabaseNote {
    const found = read(stateDir, sink);
    const noted = found?.backup === backup ? found : { backup, sequence, buckets: {} };
    const note = new DatabaseNote(stateDir, sink, noted);
    note.#write();
    return note;
  }

  /** The sequence of the backup whose restore into a server is not done. */
  static owedOf(stateDir: string, sink: string): number | undefined {
    return read(stateDir, sink)?.sequence;
  }

  /** All is done, whatever was noted of it. */
  static done(stateDir: string, sink: string): void {
    removeNote(stateDir, nameOf(sink));
  }

  get path(): string {
    return notePath(this.#stateDir, nameOf(this.#sink));
  }

  bucket(name: string): NotedBucket | undefined {
    return this.#noted.buckets[name];
  }

  put(name: string, bucket: NotedBucket): void {
    this.#noted.buckets[name] = bucket;
    this.#write();
  }

  /** All is done. */
  end(): void {
    DatabaseNote.done(this.#stateDir, this.#sink);
  }

  #write(): void {
    writeNote(this.#stateDir, nameOf(this.#sink), this.#noted);
  }
}

const nameOf = (sink: string) => `restore-${sink}`;

function read(stateDir: string, sink: string): Noted | undefined {
  const noted = readNote(stateDir, nameOf(sink)) as Partial<Noted>;
  return noted.backup === undefined
    ? undefined
    : { backup: noted.backup, sequence: noted.sequence, buckets: noted.buckets ?? {} };
}
