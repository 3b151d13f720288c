import { accessSync, constants, existsSync } from 'node:fs';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';

const SQLITE_CORRUPT = 11;
/** This, SQLITE_FORMAT, SQLITE_NOTADB (sqlite.org/rescode.html); the low byte of a code is its kind. */
const DAMAGED = new Set([SQLITE_CORRUPT, 24, 26]);
/** SQLITE_IOERR_READ, _SHORT_READ, _CORRUPTFS: a sector that the card does not give back, or a write-ahead file that was cut. */
const UNREADABLE = new Set([266, 522, 8458]);
const SQLITE_READONLY = 8;
/** SQLITE_ERROR is what our own statements get when the schema is another than they were written for. */
const OTHER_SCHEMA = /no such (table|column|index)|has no column|malformed|syntax error|unsupported file format/i;
/** What node:sqlite says of a number beyond 2^53: no key or time of ours is. */
const NO_NUMBER_OF_OURS = /too large to be represented/i;

/** Says that a journal is damaged, by what it looks like and not by what SQLite found. */
export class DamagedJournal extends AgentError {
  constructor(path: string, reason: string, cause?: unknown) {
    super('storage', `journal ${path} is damaged: ${reason}`, { hint: DAMAGED_HINT, cause });
  }
}

/**
 * Keys come in their order, unless a bit has flipped in one. SQLite does not notice, and finds what is around it no more: that
 * is damage of the file, where a damaged reading is one of a reading.
 * @throws an error that damageIn() knows
 */
export function requireOrder(before: number, key: number): void {
  if (key > before) return;
  throw Object.assign(new Error('its readings are out of order'), { errcode: SQLITE_CORRUPT });
}

const DAMAGED_HINT =
  'a running collector sets it aside within seconds, goes on with a new one and salvages what can be read: start it, or wait';

/** Does this mean that the file is damaged? `perhaps`: when it stays so. */
export function damageIn(error: unknown): 'yes' | 'perhaps' | 'no' {
  if (error instanceof DamagedJournal) return 'yes';
  const cause = error instanceof AgentError ? error.cause : error;
  const code = codeOf(cause);
  if (DAMAGED.has(code & 0xff) || NO_NUMBER_OF_OURS.test(messageOf(cause))) return 'yes';
  if (code === 1 && OTHER_SCHEMA.test(messageOf(cause))) return 'yes';
  return UNREADABLE.has(code) || errnoOf(cause) === 'EIO' ? 'perhaps' : 'no';
}

/**
 * SQLite does not write to a file whose header speaks of a later format: one that may be written to, with what lies beside
 * it, has a damaged header.
 */
export function isWronglyReadonly(error: unknown, path: string): boolean {
  if ((codeOf(error instanceof AgentError ? error.cause : error) & 0xff) !== SQLITE_READONLY) return false;
  return [path, `${path}-wal`, `${path}-shm`].every((file) => isWritable(file) || (file !== path && !existsSync(file)));
}

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function codeOf(cause: unknown): number {
  return typeof cause === 'object' && cause !== null && 'errcode' in cause ? Number(cause.errcode) : 0;
}
