import { setTimeout as sleep } from 'node:timers/promises';
import { modelsWith } from '../meters/service/catalogue.ts';
import { decodeClock, encodeClock } from '../meters/service/clock-codec.ts';
import type { ClockTable } from '../meters/service/tables.ts';
import { characterMs, interFrameMs } from '../modbus/connection.ts';
import { AgentError } from '../system/errors.ts';
import type { Zone } from '../system/zone.ts';
import type { Session, WriteOutcome } from './session.ts';
import { judge, type Verdict } from './verdict.ts';

/** The meter's clock beside this machine's. Local times are numbers as if they were UTC. */
export interface ClockReading {
  /** Undefined: what it shows is no time. */
  meterMs: number | undefined;
  machineMs: number;
  /** How far the meter is ahead, to about half a second; undefined without its time. */
  driftMs: number | undefined;
}

/** A meter shows whole seconds, and has this long to answer. */
export const CLOCK_TOLERANCE_MS = 2000;
const HALF_SECOND_MS = 500;
const READ_BACK_PAUSES_MS = [200, 1000];

/** @throws AgentError when the model has no clock whose registers are known */
export function clockTable(session: Session, intent: 'read' | 'set'): ClockTable {
  const { tables, model } = session.target;
  const known = modelsWith('clock').join(', ');
  if (!tables.clock) {
    throw new AgentError('usage', `no clock is known of a ${model.name}`, { hint: `those with one are ${known}` });
  }
  if (intent === 'set' && tables.clock.readOnly !== undefined) {
    throw new AgentError('usage', `the clock of a ${model.name} is only read: ${tables.clock.readOnly}`, {
      hint: 'set it at the meter, or with its maker’s program',
    });
  }
  return tables.clock;
}

/** @throws AgentError when it cannot be read */
export async function readClock(session: Session, table: ClockTable, zone: Zone): Promise<ClockReading> {
  const beforeMs = Date.now();
  const registers = await session.read(table.address, table.bytes.length / 2);
  const machineMs = zone.localMs((beforeMs + Date.now()) / 2);
  const meterMs = decodeClock(table, registers);
  const driftMs = meterMs === undefined ? undefined : meterMs + HALF_SECOND_MS - machineMs;
  return { meterMs, machineMs, driftMs };
}

export interface ClockSet {
  verdict: Verdict;
  /** After writing; undefined: it could not be read any more. */
  after: ClockReading | undefined;
}

/** Sets the clock to this machine's time, so that it arrives when its second begins, and reads it back. */
export async function setClock(
  session: Session,
  table: ClockTable,
  zone: Zone,
  before: ClockReading,
): Promise<ClockSet> {
  const wire = session.target.connect().wire;
  const sendMs = interFrameMs(wire) + (9 + table.bytes.length) * characterMs(wire);
  const LEAST_MS = 150;
  const nowMs = Date.now();
  const targetMs = Math.ceil((nowMs + sendMs + LEAST_MS) / 1000) * 1000;
  await sleep(targetMs - sendMs - nowMs);
  const outcome = await session.write(table.address, encodeClock(table, zone.localMs(targetMs)));
  const after = await readBack(session, table, zone);
  return { verdict: verdictOf(outcome, before, after), after };
}

async function readBack(session: Session, table: ClockTable, zone: Zone): Promise<ClockReading | undefined> {
  let after: ClockReading | undefined;
  for (const pauseMs of READ_BACK_PAUSES_MS) {
    await sleep(pauseMs);
    try {
      after = await readClock(session, table, zone);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
    }
    if (after && isRight(after)) break;
  }
  return after;
}

export const isRight = ({ driftMs }: ClockReading): boolean =>
  driftMs !== undefined && Math.abs(driftMs) <= CLOCK_TOLERANCE_MS;

function verdictOf(outcome: WriteOutcome, before: ClockReading, after: ClockReading | undefined): Verdict {
  const drifts = [before.driftMs, after?.driftMs];
  const isAsBefore =
    drifts[0] === drifts[1] ||
    (drifts[0] !== undefined && drifts[1] !== undefined && Math.abs(drifts[0] - drifts[1]) <= CLOCK_TOLERANCE_MS);
  // A clock that was right before is right whatever became of the write: then its answer alone tells.
  const isNew = after !== undefined && isRight(after) && (outcome.kind === 'confirmed' || !isRight(before));
  return judge(outcome, after === undefined ? 'unreadable' : isNew ? 'new' : isAsBefore ? 'old' : 'other');
}
