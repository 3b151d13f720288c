import type { BadRecord } from './bad-record.ts';

/** What a source says of one moment of one meter, in the source's own names and units. */
export interface RawPoint {
  measurement: string;
  tags: Tags;
  /** UTC ms. */
  timeMs: number;
  fields: Readonly<Record<string, number>>;
  /** The source has a record for each field, so nothing beside it tells the field's unit. */
  isAlone: boolean;
}

/** Where a point belongs, in the source's words: its meter and model among others. */
export type Tags = Readonly<Record<string, string>>;

/** A place in a source from which reading can go on. Kept in the journal as JSON. */
export type Position =
  /** Byte of the unpacked text, and the number of the line before it. */
  | { byte: number; line: number }
  /** UTC ms. */
  | { fromMs: number };

/** One record of a source. */
export interface Item {
  /** Line in its file; undefined for a database. */
  line?: number;
  /** Undefined for a comment. */
  content: RawPoint | BadRecord | undefined;
  /** Where reading goes on once this and all before it are stored; undefined where it cannot. */
  after: Position | undefined;
}

export interface Source {
  /** For messages: the file's path, or the database's URL and bucket. */
  name: string;
  /** What makes it this source and no other; undefined when it cannot be read a second time. */
  identity: Readonly<Record<string, unknown>> | undefined;
  /** How it was taken, for the person. */
  kind: string;
  /** Was it written by the Python energy-monitor? */
  fromSeed: boolean;
  /** Things that the person should know, once. */
  notes: readonly string[];
  /** Records in their order, some at a time. */
  items(position: Position | undefined): AsyncGenerator<Item[]>;
  /** What tells everything that the person may have to say first; undefined where that would read a source up. */
  survey: (() => AsyncGenerator<Item[]>) | undefined;
  /** Share that was read, 0 to 1; undefined where the whole is not known. */
  share(): number | undefined;
}
