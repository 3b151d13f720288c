import { setTimeout as sleep } from 'node:timers/promises';
import { hexAddress } from '../meters/description.ts';
import { decodeSetting, settingWords } from '../meters/service/setting-codec.ts';
import type { SettingRegister } from '../meters/service/tables.ts';
import { AgentError } from '../system/errors.ts';
import { RegisterRefused, type Session, type WriteOutcome } from './session.ts';

/** Where a meter was found after a setting of its was changed. `nowhere`: it answers under neither. */
export type Place = 'new' | 'old' | 'nowhere';

export interface Seen {
  place: Place;
  /** What its register holds. */
  value: number | undefined;
}

/** @throws AgentError when it cannot be read */
export async function readSetting(session: Session, setting: SettingRegister, tries?: number): Promise<number> {
  return decodeSetting(setting, await session.read(setting.address, settingWords(setting), 3, tries));
}

const LOOK_TRIES = 2;
/** A meter that changes its unit or rate needs a moment. */
const CHANGE_MS = 500;

/** The setting, or undefined where nothing answers. */
export async function lookForSetting(session: Session, setting: SettingRegister): Promise<number | undefined> {
  try {
    return await readSetting(session, setting, LOOK_TRIES);
  } catch (error) {
    if (error instanceof RegisterRefused || !(error instanceof AgentError)) throw error;
    return undefined;
  }
}

/**
 * A register that does not hold the address under which the meter answers is another one's: then this is another model, and
 * nothing is written to it.
 */
export async function checkUnitRegister(session: Session): Promise<void> {
  const { tables, model, unit } = session.target;
  if (!tables.unit) return;
  const held = await readSetting(session, tables.unit);
  if (held === unit) return;
  throw new AgentError(
    'unavailable',
    `this is no ${model.name}: its register ${hexAddress(tables.unit.address)} holds ${held}, its address is ${unit}`,
    { hint: 'name its model with --model; nothing was written' },
  );
}

/**
 * Writes a setting, once, and looks where the meter is then. Where the model may have to be unlocked it is written again
 * after that, once it is seen that the first write has not been done.
 * @param look finds the meter again
 * @param isNew whether what was found is the new setting
 */
export async function changeSetting(
  session: Session,
  address: number,
  registers: Buffer,
  look: () => Promise<Seen>,
  isNew: (value: number) => boolean,
): Promise<{ outcome: WriteOutcome; seen: Seen }> {
  const { unlock } = session.target.tables;
  if (unlock?.when === 'first') await session.unlock(unlock.frame);
  const attempt = async () => {
    const outcome = await session.write(address, registers);
    await sleep(CHANGE_MS);
    return { outcome, seen: await look() };
  };
  const first = await attempt();
  const { value } = first.seen;
  const isUndone = value !== undefined && !isNew(value) && first.outcome.kind !== 'unanswered';
  if (!isUndone || unlock?.when !== 'refused') return first;
  await session.unlock(unlock.frame);
  return attempt();
}
