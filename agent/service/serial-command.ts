import { modelsWith } from '../meters/service/catalogue.ts';
import { decodeSetting, encodeSetting, settingWords } from '../meters/service/setting-codec.ts';
import type { LineSetting, SettingRegister } from '../meters/service/tables.ts';
import type { Wire } from '../modbus/connection.ts';
import { AgentError } from '../system/errors.ts';
import type { SettingOptions } from './address-command.ts';
import { withSession } from './commands.ts';
import { confirm } from './confirm.ts';
import type { Session } from './session.ts';
import { changeSetting, checkUnitRegister, lookForSetting, type Seen } from './setting.ts';
import type { Target } from './target.ts';
import { judge, verdictError } from './verdict.ts';

export interface WantedLine {
  baudRate?: number | undefined;
  parity?: Wire['parity'] | undefined;
}

/** One register that changes. */
interface Step {
  /** As the configuration has it: `baudRate: 4800`. */
  text: string;
  setting: SettingRegister;
  code: number;
  wire: Partial<Wire>;
}

/**
 * `meter serial`: gives the meter another rate or parity and looks for it there, then under the old ones. Each register is
 * done before the next is begun.
 * @throws AgentError when it cannot have them, was not confirmed, or has not taken them
 */
export async function serialCommand(target: Target, wanted: WantedLine, options: SettingOptions): Promise<void> {
  const { ask, print, name } = options;
  const line = lineSetting(target);
  const before = target.connect().wire;
  const steps = stepsOf(line, wanted, target.model.name).filter(({ text }) => !textsOf(before).includes(text));
  await withSession(target, async (session) => {
    await checkUnitRegister(session);
    if (steps.length === 0) return print('the meter has these settings already\n');
    if (target.tables.before !== undefined) print(`first ${target.tables.before}\n`);
    const texts = steps.map(({ text }) => text).join(', ');
    const who = name ?? `at ${target.connect().name}`;
    const question = `The meter ${who} is given ${texts}. All meters of a line need the same.`;
    await confirm(ask, question, String(before.baudRate));
    let wire: Partial<Wire> = {};
    const done: string[] = [];
    for (const step of steps) {
      const seen = await doStep(session, step, wire, done);
      if (seen.place === 'new') wire = { ...wire, ...step.wire };
      done.push(step.text);
      const state = seen.place === 'new' ? 'the meter answers with it' : `stored; the meter changes ${line.effect}`;
      print(`${step.text}: ${state}\n`);
    }
    print(`in the configuration${name === undefined ? '' : ` of ${name}`}, once the meter has changed: ${texts}\n`);
  });
}

function lineSetting({ tables, model, isSerial }: Target): LineSetting {
  if (!tables.line) {
    throw new AgentError('usage', `no registers of the line settings are known of a ${model.name}`, {
      hint: `they are of ${modelsWith('line').join(', ')}`,
    });
  }
  if (isSerial) return tables.line;
  throw new AgentError(
    'usage',
    'behind a gateway the line has the gateway’s settings: the meter could not be looked for',
    {
      hint: 'connect the meter to a serial port of this machine for that',
    },
  );
}

function stepsOf(
  { baudRate: baud, parity: par }: LineSetting,
  { baudRate, parity }: WantedLine,
  model: string,
): Step[] {
  if (baudRate === undefined && parity === undefined) {
    throw new AgentError('usage', 'nothing is said to be changed', { hint: 'say --to-baud or --to-parity' });
  }
  const steps: Step[] = [];
  if (parity !== undefined) {
    const code = par?.codes[parity];
    if (!par || code === undefined) {
      const hint = par
        ? `it takes ${Object.keys(par.codes).join(', ')}`
        : 'its parity is fixed, or nobody knows where it is set';
      throw new AgentError('usage', `a ${model} takes no parity ${parity}`, { hint });
    }
    steps.push({ text: `parity: ${parity}`, setting: par, code, wire: { parity } });
  }
  if (baudRate !== undefined) {
    const code = baud.codes[baudRate];
    if (code === undefined) {
      const hint = `it takes ${Object.keys(baud.codes).join(', ')}`;
      throw new AgentError('usage', `a ${model} takes no ${baudRate} baud`, { hint });
    }
    steps.push({ text: `baudRate: ${baudRate}`, setting: baud, code, wire: { baudRate } });
  }
  return steps;
}

const textsOf = ({ baudRate, parity }: Wire): string[] => [`baudRate: ${baudRate}`, `parity: ${parity}`];

/** @throws AgentError when the meter has not taken it */
async function doStep(
  session: Session,
  { setting, code, wire, text }: Step,
  present: Partial<Wire>,
  done: string[],
): Promise<Seen> {
  const before = await session.read(setting.address, settingWords(setting));
  const old = decodeSetting(setting, before);
  const registers = encodeSetting(setting, code, before);
  const look = () => lookFor(session, setting, present, wire);
  const { outcome, seen } = await changeSetting(session, setting.address, registers, look, (value) => value === code);
  if (seen.value === code) return seen;
  const found = seen.place === 'nowhere' ? 'unreadable' : seen.value === old ? 'old' : 'other';
  const hint = session.target.tables.before ?? 'set it at the meter, or with its maker’s program';
  const error = verdictError(text, judge(outcome, found), hint);
  if (done.length === 0) throw error;
  throw new AgentError('partial', `${error.message}; ${done.join(', ')} was changed`, { hint, cause: error });
}

/** Under the new settings first, then under those that it had. */
async function lookFor(
  session: Session,
  setting: SettingRegister,
  present: Partial<Wire>,
  wire: Partial<Wire>,
): Promise<Seen> {
  await session.tune({ ...present, ...wire });
  const atNew = await lookForSetting(session, setting);
  if (atNew !== undefined) return { place: 'new', value: atNew };
  await session.tune(present);
  const atOld = await lookForSetting(session, setting);
  return { place: atOld === undefined ? 'nowhere' : 'old', value: atOld };
}
