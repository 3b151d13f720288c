import { AgentError } from '../system/errors.ts';
import type { Zone } from '../system/zone.ts';
import { clockTable, readClock, setClock } from './clock.ts';
import { afterSetText, clockText } from './clock-text.ts';
import { readAll } from './read-all.ts';
import { readJson, readText } from './read-text.ts';
import { Session } from './session.ts';
import type { Target } from './target.ts';
import { verdictError } from './verdict.ts';

export type Print = (text: string) => void;

/** Opens the meter's line for as long as `work` takes. */
export async function withSession<T>(target: Target, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await Session.open(target);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** `meter read`. @throws AgentError when the meter does not answer, or a register has no value */
export async function readCommand(target: Target, isJson: boolean, print: Print): Promise<void> {
  const values = await withSession(target, (session) => readAll(session, target.connect().wire));
  print(isJson ? `${JSON.stringify(readJson(values), null, 2)}\n` : readText(values));
}

export interface ClockCommandOptions {
  set: boolean;
  isJson: boolean;
  /** Why this machine's clock is not to be trusted; undefined: it is, or that was overruled. */
  doubt: string | undefined;
  zone: Zone;
  print: Print;
}

/** `meter clock`. @throws AgentError when the clock cannot be read, is not to be set, or has not taken the time */
export async function clockCommand(target: Target, options: ClockCommandOptions): Promise<void> {
  const { set, isJson, doubt, zone, print } = options;
  if (set && doubt !== undefined) {
    throw new AgentError('unavailable', `the meter is not set: ${doubt}`, {
      hint: 'let the machine reach a time server; or, if its clock is right, say --force',
    });
  }
  await withSession(target, async (session) => {
    const table = clockTable(session, set ? 'set' : 'read');
    const before = await readClock(session, table, zone);
    if (isJson && !set) return print(`${JSON.stringify(clockJson(before))}\n`);
    if (!isJson) print(clockText(before, zone, Date.now()));
    if (!set) return;
    const { verdict, after } = await setClock(session, table, zone, before);
    if (verdict.kind !== 'done' || !after) {
      throw verdictError('the time', verdict, 'set it at the meter, or with its maker’s program');
    }
    print(
      isJson
        ? `${JSON.stringify({ before: clockJson(before), ...clockJson(after) })}\n`
        : afterSetText(after, zone, Date.now()),
    );
  });
}

function clockJson({ meterMs, machineMs, driftMs }: Awaited<ReturnType<typeof readClock>>) {
  const iso = (ms: number) => new Date(ms).toISOString().slice(0, 19);
  return {
    meter: meterMs === undefined ? null : iso(meterMs),
    machine: iso(machineMs),
    driftSeconds: driftMs === undefined ? null : Math.round(driftMs / 1000),
  };
}
