import { modelsWith } from '../meters/service/catalogue.ts';
import { encodeSetting, settingWords } from '../meters/service/setting-codec.ts';
import type { UnitSetting } from '../meters/service/tables.ts';
import { BusError } from '../modbus/bus-error.ts';
import { AgentError } from '../system/errors.ts';
import { type Print, withSession } from './commands.ts';
import { type Ask, confirm } from './confirm.ts';
import { RegisterRefused, type Session } from './session.ts';
import { changeSetting, checkUnitRegister, lookForSetting, readSetting, type Seen } from './setting.ts';
import type { Target } from './target.ts';
import { judge, verdictError } from './verdict.ts';

export interface SettingOptions {
  /** Of the meter in the configuration; undefined: it was named by its port. */
  name: string | undefined;
  ask: Ask | undefined;
  print: Print;
}

const ONE_TRY = 1;

/**
 * `meter address`: gives the meter another unit and looks for it there, then under the old one.
 * @throws AgentError when the unit is taken, was not confirmed, or has not been changed
 */
export async function addressCommand(target: Target, wanted: number, options: SettingOptions): Promise<void> {
  const { tables, model, unit } = target;
  const setting = tables.unit;
  if (!setting) {
    throw new AgentError('usage', `no register of the address is known of a ${model.name}`, {
      hint: `it is of ${modelsWith('unit').join(', ')}`,
    });
  }
  const { ask, print, name } = options;
  await withSession(target, async (session) => {
    await checkUnitRegister(session);
    if (wanted === unit) return print(`the meter has the address ${unit} already\n`);
    await refuseTaken(session, setting, wanted);
    if (tables.before !== undefined) print(`first ${tables.before}\n`);
    await confirm(
      ask,
      `The meter ${name ?? `at ${target.connect().name}`} is given the address ${wanted} instead of ${unit}.`,
      String(unit),
    );
    const before = await session.read(setting.address, settingWords(setting));
    const registers = encodeSetting(setting, wanted, before);
    const look = () => lookFor(session, setting, wanted);
    const { outcome, seen } = await changeSetting(
      session,
      setting.address,
      registers,
      look,
      (value) => value === wanted,
    );
    print(told(seen, setting, wanted, target, name));
    if (seen.value === wanted) return;
    const found =
      seen.place === 'nowhere' ? 'unreadable' : seen.place === 'old' && seen.value === unit ? 'old' : 'other';
    const hint = tables.before ?? 'set it at the meter, or with its maker’s program';
    throw verdictError(`the address`, judge(outcome, found), hint);
  });
}

/** Two meters with one address answer at once, and neither can be read or set any more. */
async function refuseTaken(session: Session, setting: UnitSetting, wanted: number): Promise<void> {
  session.unit = wanted;
  try {
    await readSetting(session, setting, ONE_TRY);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (!(error instanceof RegisterRefused) && !isDamaged(error.cause)) return;
  } finally {
    session.unit = session.target.unit;
  }
  throw new AgentError('usage', `address ${wanted} is taken: something answers there already`, {
    hint: 'choose another one; nothing was written',
  });
}

/** Answers of several meters with one address damage each other: that nobody is there, silence alone says. */
const isDamaged = (cause: unknown): boolean =>
  cause instanceof BusError && ['crc', 'truncated', 'noise'].includes(cause.kind);

async function lookFor(session: Session, setting: UnitSetting, wanted: number): Promise<Seen> {
  session.unit = wanted;
  const atNew = await lookForSetting(session, setting);
  if (atNew !== undefined) return { place: 'new', value: atNew };
  session.unit = session.target.unit;
  const atOld = await lookForSetting(session, setting);
  return { place: atOld === undefined ? 'nowhere' : 'old', value: atOld };
}

function told(
  { place, value }: Seen,
  setting: UnitSetting,
  wanted: number,
  { unit }: Target,
  name: string | undefined,
): string {
  if (value !== wanted) return place === 'nowhere' ? `the meter answers neither as ${wanted} nor as ${unit}\n` : '';
  const where =
    place === 'new'
      ? `the meter answers as ${wanted}`
      : `the meter has stored ${wanted} and still answers as ${unit}: it changes ${setting.effect}`;
  return `${where}\nin the configuration${name === undefined ? '' : ` of ${name}`}: unit: ${wanted}\n`;
}
