import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { storageError } from '../journal/database.ts';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import { KernelLock } from '../system/kernel-lock.ts';
import type { Logger } from '../system/logging.ts';
import { originOf } from './origin.ts';
import type { Store } from './store.ts';

const LOCK = 'lock';

interface Holder {
  /** Of one taking. */
  token: string;
  /** Of the state directory (origin.ts): one has one kernel lock, so that whoever holds that knows its own to be stale. */
  origin: string;
  host: string;
  pid: number;
  started: string;
}

/**
 * Keeps two runs out of one repository: those of this state directory by a lock of the kernel's, others by an object in the
 * store.
 * @returns what releases it, and never throws: a store that has gone away meanwhile takes nothing from what was done
 * @throws AgentError `locked` while another run holds it
 */
export async function lockRepository(
  stateDir: string,
  store: Store,
  nowMs: number,
  log?: Logger,
): Promise<() => Promise<void>> {
  const here = lockHere(stateDir);
  if (!here) {
    throw new AgentError('locked', 'another backup of this machine is running', {
      retryable: true,
      hint: 'wait for it',
    });
  }
  try {
    // Who cannot remove a lock must not leave one; what others remove meanwhile is found missing when this run verifies.
    const release = (await store.canRemove()) ? await lockStore(stateDir, store, nowMs) : async () => {};
    return async () => {
      try {
        await release();
      } catch (error) {
        log?.warn({ store: store.label, reason: messageOf(error) }, 'the lock of a backup store stays behind');
      } finally {
        here.release();
      }
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

async function lockStore(stateDir: string, store: Store, nowMs: number): Promise<() => Promise<void>> {
  const mine: Holder = {
    token: randomUUID(),
    origin: originOf(stateDir),
    host: hostname(),
    pid: process.pid,
    started: new Date(nowMs).toISOString(),
  };
  const release = async () => {
    if ((await holderOf(store))?.token === mine.token) await store.remove(LOCK);
  };
  if (await wasPut(store, mine)) return release;
  await refuseOther(store, mine);
  // Of this state directory only one run comes as far as this: the lock is of one that was cut off.
  await store.remove(LOCK);
  if (!(await wasPut(store, mine))) await refuseOther(store, mine);
  return release;
}

/** @returns false when there is a lock, and when there is no room: a full disk must still let go of what retention does not keep */
async function wasPut(store: Store, holder: Holder): Promise<boolean> {
  try {
    return await store.put(LOCK, Buffer.from(JSON.stringify(holder)));
  } catch (error) {
    if (error instanceof AgentError && /^(ENOSPC|EDQUOT)$/.test(errnoOf(error.cause) ?? '')) return false;
    throw error;
  }
}

async function refuseOther(store: Store, mine: Holder): Promise<void> {
  const holder = await holderOf(store);
  if (!holder || holder.origin === mine.origin) return;
  throw new AgentError(
    'locked',
    `${store.label} is in use by process ${holder.pid} of ${holder.host} since ${holder.started}`,
    {
      retryable: true,
      hint: 'wait for it, or, when it is gone for sure: energy-monitor backup unlock',
    },
  );
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
