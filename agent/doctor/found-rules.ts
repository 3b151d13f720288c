import { frameText } from '../meters/description.ts';
import type { Evidence } from './evidence.ts';
import { lossOf } from './measured-rules.ts';
import type { Rule } from './verdict.ts';

const likeliest = ({ recognised }: Evidence) => recognised?.candidates[0];
const differs = <T>(expected: T | undefined, found: T | undefined) => expected !== undefined && expected !== found;
const said = ({ expected }: Evidence) =>
  expected?.by === 'configuration' ? `the configuration says for ${expected.meter ?? 'this meter'}` : 'you said';
const mend = ({ expected }: Evidence, line: string) =>
  expected?.by === 'configuration' ? [`write ${line} into the configuration`] : [`take what was found: ${line}`];

/** Is it known what it is, and that is not what was expected? */
function isAnotherModel({ expected, recognised }: Evidence): boolean {
  const { model } = expected ?? {};
  const candidates = recognised?.candidates ?? [];
  if (!model || model.identify.length === 0 || candidates.length === 0) return false;
  return !candidates.some(({ name }) => name === model.name);
}

/** What holds of a meter that answers: how it is set, and which it is. */
export const FOUND_RULES: readonly Rule[] = [
  {
    cause: 'wrong-unit',
    level: 'fault',
    seen: (evidence) =>
      differs(evidence.expected?.unit, evidence.found?.unit)
        ? `the meter answers as unit ${evidence.found?.unit}; ${said(evidence)} ${evidence.expected?.unit}`
        : undefined,
    remedies: (evidence) => [
      ...mend(evidence, `unit: ${evidence.found?.unit}`),
      'or set the unit at the meter',
      'or, where that is another meter: the one that was meant is silent; look whether its display is lit',
    ],
  },
  {
    cause: 'wrong-baud',
    level: 'fault',
    seen: (evidence) =>
      differs(evidence.expected?.baudRate, evidence.found?.settings.baudRate)
        ? `the meter answers at ${evidence.found?.settings.baudRate} baud; ${said(evidence)} ${evidence.expected?.baudRate}`
        : undefined,
    remedies: (evidence) => [
      ...mend(evidence, `baudRate: ${evidence.found?.settings.baudRate}`),
      'or set the rate at the meter',
    ],
  },
  {
    cause: 'wrong-parity',
    level: 'fault',
    seen: (evidence) =>
      differs(evidence.expected?.parity, evidence.found?.settings.parity)
        ? `the meter answers with parity ${evidence.found?.settings.parity}; ${said(evidence)} ${evidence.expected?.parity}`
        : undefined,
    remedies: (evidence) => [
      ...mend(evidence, `parity: ${evidence.found?.settings.parity}`),
      'or set the parity at the meter',
    ],
  },
  {
    cause: 'wrong-model',
    level: 'fault',
    seen: (evidence) => {
      const { expected, questions, recognised } = evidence;
      if (!expected?.model) return undefined;
      const { model, modelName = model.name } = expected;
      if (isAnotherModel(evidence)) {
        const names = recognised?.candidates.map(({ name }) => name).join(' or ');
        return `what answers is ${names}; ${said(evidence)} ${modelName}`;
      }
      return questions?.isForeign
        ? `a meter answers, but with none of the registers that were asked for; ${said(evidence)} ${modelName}`
        : undefined;
    },
    remedies: (evidence) =>
      isAnotherModel(evidence)
        ? mend(evidence, `model: ${likeliest(evidence)?.name}`)
        : [
            'compare the model with the label on the meter; those that are built in: energy-monitor meter models',
            'in a register table, check function (3 or 4) and addresses: many manuals count from 1, or write 30001 and 40001',
          ],
  },
  {
    cause: 'unknown-model',
    level: 'fault',
    // On a line that breaks replies it is the line's fault.
    seen: (evidence) =>
      evidence.recognised?.candidates.length === 0 && !evidence.expected?.model && lossOf(evidence) === undefined
        ? 'a meter answers, but its registers are those of no model that is built in'
        : undefined,
    remedies: () => [
      'the line is right; write a table of its registers: energy-monitor meter describe we-515 --yaml > my-meter.yaml, and see agent/meters/README.md',
      'or name the model, if you know it is one of: energy-monitor meter models',
    ],
  },
  {
    cause: 'similar-models',
    level: 'note',
    seen: ({ recognised, expected }) =>
      recognised && recognised.candidates.length > 1 && !recognised.isCertain && !expected?.model
        ? `it is one of ${recognised.candidates.map(({ name }) => name).join(', ')}; the first is taken, because ${recognised.because}`
        : undefined,
    remedies: () => ['compare it with the label on the meter, and write that model into the configuration'],
  },
  {
    cause: 'not-factory',
    level: 'note',
    seen: (evidence) => {
      const [model, found] = [likeliest(evidence), evidence.found];
      if (!model || !found || evidence.expected || evidence.target.kind === 'tcp') return undefined;
      const { baudRate, parity, stopBits } = found.settings;
      const differsFrom = model.serial;
      const isRate = evidence.target.kind === 'serial';
      if (
        found.unit === differsFrom.unit &&
        (!isRate || (baudRate === differsFrom.baudRate && parity === differsFrom.parity))
      )
        return undefined;
      const text = isRate ? `${baudRate} baud ${frameText({ baudRate, parity, stopBits, unit: 1 })}, ` : '';
      return `it is set to ${text}unit ${found.unit}; a ${model.name} leaves the factory with ${differsFrom.baudRate} baud ${frameText(differsFrom)}, unit ${differsFrom.unit}`;
    },
    remedies: () => [],
  },
  {
    cause: 'any-parity',
    level: 'note',
    seen: ({ toleratedParities, found }) =>
      toleratedParities && toleratedParities.length > 0
        ? `it answers with parity ${toleratedParities.join(' and ')} as well; ${found?.settings.parity} is taken`
        : undefined,
    remedies: () => ['with reading errors later on, try the other parity'],
  },
];
