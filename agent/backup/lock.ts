import { hostname } from 'node:os';
import { AgentError } from '../system/errors.ts';
import type { Store } from './store.ts';

const LOCK = 'lock';

interface Holder {
  host: string;
  pid: number;
  started: string;
}

/**
 * Keeps two runs out of one repository.
 * @returns what releases it
 * @throws AgentError `locked` while another run holds it; that of a process of this machine that is gone is taken over
 */
export async function lockRepository(store: Store, nowMs: number): Promise<() => Promise<void>> {
  const mine: Holder = { host: hostname(), pid: process.pid, started: new Date(nowMs).toISOString() };
  for (let tries = 0; tries < 2; tries++) {
    if (await store.put(LOCK, Buffer.from(JSON.stringify(mine)))) return () => store.remove(LOCK);
    const holder = await holderOf(store);
    if (holder && !isGone(holder)) {
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
  }
  throw new AgentError('locked', `${store.label} is in use`, { retryable: true, hint: 'try again' });
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

function isGone({ host, pid }: Holder): boolean {
  if (host !== hostname()) return false;
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
