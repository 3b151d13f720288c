import { setTimeout as sleep } from 'node:timers/promises';
import { entryText, type HeldPart, kindOf } from '../meters/service/schedule.ts';
import type { TariffPart } from '../meters/service/tables.ts';
import { AgentError } from '../system/errors.ts';
import type { Session, WriteOutcome } from './session.ts';
import { type PartChange, readPart } from './tariffs.ts';
import { type Found, judge, type Verdict, verdictError } from './verdict.ts';

/** A block can be refused for its length or its addresses where its parts are not. */
const REFUSED_AS_BLOCK = new Set([2, 3]);
const READ_BACK_PAUSES_MS = [150, 600, 1500];

/** What became of one part; `untouched`: its turn never came. */
export interface PartResult {
  change: PartChange;
  verdict: Verdict | 'untouched';
  /** What it holds in the end; undefined: it cannot be read. */
  after?: HeldPart;
}

export interface WriteOptions {
  /** Told before each part. */
  onPart?: (part: TariffPart) => void;
  /** True: somebody wants it to end. */
  isStopped?: () => boolean;
}

/**
 * Writes the parts one after the other and reads each back; the first that is not as it was meant ends it. In the end all are
 * read again. A part goes out as one request, which a meter takes as a whole; where it refuses that, entry by entry in an
 * order in which the schedule is a valid one at each step.
 */
export async function writeTariffs(
  session: Session,
  changes: readonly PartChange[],
  { onPart, isStopped }: WriteOptions = {},
): Promise<PartResult[]> {
  const results: PartResult[] = [];
  let goesOn = true;
  for (const change of changes) {
    if (!goesOn || isStopped?.()) {
      results.push({ change, verdict: 'untouched' });
      goesOn = false;
      continue;
    }
    onPart?.(change.before.part);
    const verdict = await writePart(session, change, () => isStopped?.() === true);
    results.push({ change, verdict });
    goesOn = verdict.kind === 'done';
  }
  const ended: PartResult[] = [];
  for (const result of results) ended.push(await readAgain(session, result));
  return ended;
}

async function writePart(session: Session, change: PartChange, isStopped: () => boolean): Promise<Verdict> {
  const { part } = change.before;
  const outcome = await session.write(part.address, change.registers);
  const found = await lookAt(session, part.address, change.before.registers, change.registers);
  const isRefusedAsBlock = outcome.kind === 'refused' && REFUSED_AS_BLOCK.has(outcome.code) && found === 'old';
  return isRefusedAsBlock ? writeByEntries(session, change, isStopped) : judge(outcome, found);
}

/** Registers of the least piece that has whole entries. */
const pieceWords = ({ entry }: TariffPart): number => (entry.length % 2 === 0 ? entry.length / 2 : entry.length);

/**
 * The pieces to write, in order. Of switch-over points those behind the first difference are cleared from the last on, then
 * the new ones are written from the first on: at each step the meter has the beginning of one of both schedules.
 */
export function stepsOf({ before, registers }: PartChange): { index: number; bytes: Buffer }[] {
  const size = pieceWords(before.part) * 2;
  const count = Math.ceil(registers.length / size);
  const piece = (of: Buffer, index: number) => of.subarray(index * size, (index + 1) * size);
  const all = Array.from({ length: count }, (_, index) => index);
  const differing = all.filter((index) => !piece(before.registers, index).equals(piece(registers, index)));
  if (kindOf(before.part) !== 'points') return differing.map((index) => ({ index, bytes: piece(registers, index) }));
  const first = differing[0] ?? count;
  const zero = Buffer.alloc(size);
  const behind = all.filter((index) => index > first);
  const cleared = behind.filter((index) => !piece(before.registers, index).equals(zero)).reverse();
  const filled = behind.filter((index) => !piece(registers, index).equals(zero));
  return [
    ...cleared.map((index) => ({ index, bytes: zero.subarray(0, piece(registers, index).length) })),
    ...differing.slice(0, 1).map((index) => ({ index, bytes: piece(registers, index) })),
    ...filled.map((index) => ({ index, bytes: piece(registers, index) })),
  ];
}

async function writeByEntries(session: Session, change: PartChange, isStopped: () => boolean): Promise<Verdict> {
  const { part } = change.before;
  const held = Buffer.from(change.before.registers);
  let outcome: WriteOutcome = { kind: 'confirmed' };
  for (const { index, bytes } of stepsOf(change)) {
    if (isStopped()) break;
    const at = index * pieceWords(part);
    outcome = await session.write(part.address + at, bytes);
    const old = Buffer.from(held.subarray(at * 2, at * 2 + bytes.length));
    const found = await lookAt(session, part.address + at, old, bytes);
    if (found !== 'new') break;
    bytes.copy(held, at * 2);
    outcome = { kind: 'confirmed' };
  }
  return judge(outcome, await lookAt(session, part.address, change.before.registers, change.registers));
}

/** What registers hold; a meter may need a moment to take a write over. */
async function lookAt(session: Session, address: number, old: Buffer, now: Buffer): Promise<Found> {
  let found: Found = 'unreadable';
  for (const pauseMs of READ_BACK_PAUSES_MS) {
    await sleep(pauseMs);
    try {
      const registers = await session.read(address, now.length / 2);
      found = registers.equals(now) ? 'new' : registers.equals(old) ? 'old' : 'other';
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return 'unreadable';
    }
    if (found === 'new') break;
  }
  return found;
}

async function readAgain(session: Session, result: PartResult): Promise<PartResult> {
  const { part, digits } = result.change.before;
  try {
    return { ...result, after: await readPart(session, part, digits) };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return result;
  }
}

export const isNew = ({ after, change }: PartResult): boolean => after?.registers.equals(change.registers) === true;
const isOld = ({ after, change }: PartResult): boolean => after?.registers.equals(change.before.registers) === true;

/** What each part holds in the end, one a line. */
export function resultText(results: readonly PartResult[]): string {
  return results.map((result) => `${result.change.before.part.key}: ${stateText(result)}\n`).join('');
}

function stateText(result: PartResult): string {
  const { part } = result.change.before;
  if (isNew(result)) return 'new, read back';
  if (isOld(result)) return 'old, as it was';
  if (!result.after)
    return result.verdict === 'untouched' ? 'not written; cannot be read' : 'cannot be read: old or new';
  const { entries, registers } = result.after;
  const kind = kindOf(part);
  const held = entries?.map((entry) => entryText(kind, entry)).join(', ') ?? registers.toString('hex');
  return `neither old nor new; it holds ${held === '' ? 'nothing' : held}`;
}

/** Undefined when all is as it was meant. */
export function resultError(results: readonly PartResult[]): AgentError | undefined {
  const failed = results.find(({ verdict }) => verdict !== 'untouched' && verdict.kind !== 'done');
  if (results.every(isNew)) return undefined;
  const verdict = failed?.verdict === undefined || failed.verdict === 'untouched' ? undefined : failed.verdict;
  if (results.some((result) => !result.after)) {
    return new AgentError(
      'unavailable',
      `the schedule may be half written: ${verdict?.answer ?? 'the meter cannot be read'}`,
      {
        hint: 'look at the line, and read the schedule before you rely on it: energy-monitor meter tariffs',
      },
    );
  }
  if (results.every(isOld)) {
    const hint = 'set it at the meter, or with its maker’s program';
    if (verdict) return verdictError(`the schedule`, verdict, hint);
    return new AgentError('unavailable', 'nothing was written: it was stopped', { hint: 'run the command again' });
  }
  const part = failed?.change.before.part;
  const why = part && verdict ? `at ${part.key} ${verdict.answer}` : 'it was stopped';
  return new AgentError('partial', `the schedule is half written: ${why}`, {
    hint: 'what is old and what is new stands above; run the command again, or write the old schedule back',
  });
}
