import { DAY_MS, type JournalDay, type Span } from '../../journal/segment.ts';
import type { RememberedFile } from '../memory.ts';
import type { SourceFile } from '../source.ts';

const HOUR_MS = 3_600_000;
/** Days before the newest that are kept hour by hour: each backup then sends an hour, not the day so far. */
const YOUNG_DAYS = 2;

type Before = ReadonlyMap<string, RememberedFile>;

/** All of its content comes from one file that is open. */
export type DayFile = SourceFile & { content: Iterable<Uint8Array> };

/** What is kept by days. */
export interface DayContent {
  /** Its files are below. */
  name: string;
  days: readonly JournalDay[];
  content: (span: Span) => Iterable<Uint8Array>;
  isEmpty: (span: Span) => boolean;
  counts?: (span: Span) => Record<string, number>;
}

/**
 * Files of days: `journal/2026-11-21` for a day, `journal/2026-11-21T14` for an hour of the newest days and of those that
 * have just changed. A day's mark is their stamp.
 */
export function* dayFiles(source: DayContent, before: Before, nowMs: number): Generator<DayFile> {
  const newest = newestDay(source.days, Math.floor(nowMs / DAY_MS));
  for (const { day, mark } of source.days) {
    const path = `${source.name}/${new Date(day * DAY_MS).toISOString().slice(0, 10)}`;
    const stamp = String(mark);
    const isYoung = newest - day < YOUNG_DAYS;
    const isKnown = before.get(path)?.stamp === stamp;
    // What is a file already stays one, whatever the clock says.
    if (!isKnown && (isYoung || hasChanged(before, path, stamp))) yield* hoursOf(source, day, path, stamp, before);
    else yield fileOf(source, path, spanOf(day * DAY_MS, DAY_MS), stamp);
  }
}

/** A reading from the future, of a clock that was wrong, makes no day of the present an old one. */
function newestDay(days: readonly JournalDay[], today: number): number {
  return days.findLast(({ day }) => day <= today)?.day ?? days.at(-1)?.day ?? 0;
}

const hourPath = (path: string, hour: number) => `${path}T${String(hour).padStart(2, '0')}`;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/** Was it there, as a day or by hours, and other than it is now? */
function hasChanged(before: Before, path: string, stamp: string): boolean {
  return [path, ...HOURS.map((hour) => hourPath(path, hour))].some(
    (name) => (before.get(name)?.stamp ?? stamp) !== stamp,
  );
}

function* hoursOf(source: DayContent, day: number, path: string, stamp: string, before: Before): Generator<DayFile> {
  for (const hour of HOURS) {
    const name = hourPath(path, hour);
    const span = spanOf(day * DAY_MS + hour * HOUR_MS, HOUR_MS);
    // Looked for in the source as well: an hour whose object was lost is not among those of before.
    if (before.get(name)?.stamp === stamp || !source.isEmpty(span)) yield fileOf(source, name, span, stamp);
  }
}

const spanOf = (fromMs: number, lengthMs: number): Span => ({ fromMs, toMs: fromMs + lengthMs });

function fileOf({ content, counts }: DayContent, path: string, span: Span, stamp: string): DayFile {
  return { path, content: content(span), stamp, ...(counts && { counts: () => counts(span) }) };
}
