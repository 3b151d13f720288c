import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { storageError } from '../journal/database.ts';
import { AgentError, errnoOf } from '../system/errors.ts';
import { KernelLock } from '../system/kernel-lock.ts';
import type { Store } from './store.ts';

const LOCK = 'lock';

interface Holder {
  /** Of one taking. */
  token: string;
  /** machine-id(5); undefined where there is none. */
  machine: string | undefined;
  host: string;
  pid: number;
  started: string;
}

/**
 * Keeps two runs out of one repository: those of this machine by a lock of the kernel's, others by an object in the store.
 * @returns what releases it
 * @throws AgentError `locked` while another run holds it
 */
export async function lockRepository(stateDir: string, store: Store, nowMs: number): Promise<() => Promise<void>> {
  const here = lockHere(stateDir);
  if (!here) {
    throw new AgentError('locked', 'another backup of this machine is running', {
      retryable: true,
      hint: 'wait for it',
    });
  }
  try {
    // Who cannot remove a lock must not leave one; what others remove meanwhile is found missing when this run verifies.
    const release = (await store.canRemove()) ? await lockStore(store, nowMs) : async () => {};
    return async () => {
      await release();
      here.release();
    };
  } catch (error) {
    here.release();
    throw error;
  }
}

function lockHere(stateDir: string): KernelLock | undefined {
  const path = join(stateDir, 'backup.lock');
  try {
    return KernelLock.acquire(path);
  } catch (error) {
    throw storageError(path, error);
  }
}

async function lockStore(store: Store, nowMs: number): Promise<() => Promise<void>> {
  const mine: Holder = {
    token: randomUUID(),
    machine: machineId(),
    host: hostname(),
    pid: process.pid,
    started: new Date(nowMs).toISOString(),
  };
  const data = Buffer.from(JSON.stringify(mine));
  const release = async () => {
    if ((await holderOf(store))?.token === mine.token) await store.remove(LOCK);
  };
  try {
    if (await store.put(LOCK, data)) return release;
    const holder = await holderOf(store);
    // Of this machine only one run comes as far as this: the lock is of one that was cut off.
    if (holder && (holder.machine === undefined || holder.machine !== mine.machine)) {
      throw new AgentError(
        'locked',
        `${store.label} is in use by process ${holder.pid} of ${holder.host} since ${holder.started}`,
        {
          retryable: true,
          hint: 'wait for it, or, when it is gone for sure: energy-monitor backup unlock',
        },
      );
    }
    await store.remove(LOCK);
    await store.put(LOCK, data);
  } catch (error) {
    // A full disk must still let go of what retention does not keep.
    if (!(error instanceof AgentError && errnoOf(error.cause) === 'ENOSPC')) throw error;
  }
  return release;
}

/** @returns whose lock it was, or undefined */
export async function unlockRepository(store: Store): Promise<Holder | undefined> {
  const holder = await holderOf(store);
  await store.remove(LOCK);
  return holder;
}

async function holderOf(store: Store): Promise<Holder | undefined> {
  const data = await store.get(LOCK);
  try {
    return data && (JSON.parse(data.toString()) as Holder);
  } catch {
    // A torn one of a store that is not atomic: nobody holds it.
    return undefined;
  }
}

function machineId(): string | undefined {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
