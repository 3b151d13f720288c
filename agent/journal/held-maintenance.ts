import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { AgentError } from '../system/errors.ts';
import { Committer } from './committer.ts';
import { journalPath, openForWriting, storageError } from './database.ts';
import { type HeldGroup, HeldStore, heldGroups, shifted, TAKEN } from './held.ts';
import { CollectorLock } from './lock.ts';
import { CHUNK, place } from './placer.ts';
import { JournalReader } from './reader.ts';
import { State } from './state.ts';

/** A group with a name to call it by. */
export interface NamedGroup extends HeldGroup {
  name: string;
}

/** What is held, oldest first. */
export function listHeld(stateDir: string): NamedGroup[] {
  const reader = new JournalReader(stateDir);
  try {
    return reader.held().map(named);
  } finally {
    reader.close();
  }
}

/**
 * Stores the readings of a group; the first one at this time, the others as far behind it as they were read. Those for a
 * second that has a reading stay aside.
 * @param boot of the machine: what a running collector holds of it, it places itself
 * @returns how many were stored, and how many were not
 */
export function placeHeld(
  stateDir: string,
  name: string,
  atMs: number,
  boot: string,
): { stored: number; aside: number } {
  return changing(stateDir, name, boot, (db, group) => {
    const committer = new Committer(db, new State(db));
    // The first reading, which the time is of, goes last: cut off, the same command goes on with the rest.
    const between = { after: 0, through: new HeldStore(db).last(), latest: true };
    const total = { stored: 0, aside: 0 };
    for (let more = true; more; ) {
      const result = place(db, committer, group, (row) => shifted(row, atMs - group.fromMs), between);
      total.stored += result.stored;
      total.aside += result.aside;
      more = result.taken === CHUNK;
    }
    return total;
  });
}

/** Forgets the readings of a group. @returns how many */
export function dropHeld(stateDir: string, name: string, boot: string): number {
  return changing(stateDir, name, boot, (db, group) => {
    db.prepare('DELETE FROM held WHERE boot = ? AND offset = ?').run(group.boot, group.offsetMs);
    return group.readings;
  });
}

function changing<T>(
  stateDir: string,
  name: string,
  boot: string,
  change: (db: DatabaseSync, group: HeldGroup) => T,
): T {
  const db = openForWriting(stateDir);
  try {
    const group = heldGroups(db)
      .map(named)
      .find((one) => one.name === name);
    if (!group) {
      throw new AgentError('usage', `nothing that is held is called ${name}`, {
        hint: 'see: energy-monitor journal held list',
      });
    }
    if (group.boot !== TAKEN && group.boot === boot && CollectorLock.isHeld(stateDir)) {
      throw new AgentError('usage', `the running collector holds ${name} itself, until it knows the time`, {
        hint: 'let the machine reach a time server, or set its clock',
      });
    }
    return change(db, group);
  } catch (error) {
    throw storageError(journalPath(stateDir), error);
  } finally {
    db.close();
  }
}

function named(group: HeldGroup): NamedGroup {
  return { ...group, name: crc32(`${group.boot} ${group.offsetMs}`).toString(16).padStart(8, '0') };
}

/** For people: what is held, and what can be done. */
export function heldText(groups: readonly NamedGroup[], boot: string): string {
  if (groups.length === 0) return 'nothing is held\n';
  const lines = groups.map((group) => {
    const { name, readings, meters, fromMs, toMs } = group;
    const time = (ms: number) => new Date(ms).toISOString();
    return `${name}  ${readings} readings of ${meters.join(', ')}, ${time(fromMs)} to ${time(toMs)} by the clock then; ${why(group, boot)}`;
  });
  return `${lines.join('\n')}\n`;
}

function why(group: HeldGroup, boot: string): string {
  if (group.boot === TAKEN) return 'these seconds have another reading';
  return group.boot === boot
    ? 'stored by the collector once the clock is known'
    : 'of an earlier start, whose clock was wrong';
}
