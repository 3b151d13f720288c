import type { MeterModel } from '../meters/model.ts';
import { planReads } from '../meters/planner.ts';
import { readWireMs } from '../modbus/connection.ts';
import type { Line, Question } from './line.ts';

/** What a line is measured with, after the meter was asked whether it takes it. */
export interface Questions {
  short: Question;
  long: Question;
  /** Registers of longer reads that the meter does not take: the collector finds that out as well. */
  refused: number[];
  /** No register of the model was answered: nothing can be measured with it. */
  isForeign: boolean;
}

const WAIT_MS = 1000;
const PAUSE_MS = 60;
/** One silence may be a lost reply. */
const TRIES = 2;
/** Registers of the model that are asked for before it is said to be another one. */
const MOST_FIELDS = 4;

/** Two reads that each meter answers or refuses. */
const probes = (unit: number): Pick<Questions, 'short' | 'long'> => {
  const probe = { unit, functionCode: 3, address: 0x0002 } as const;
  return { short: { ...probe, count: 1 }, long: { ...probe, count: 2 } };
};

/**
 * The shortest and the longest read of a model that the meter takes. A read that it refuses, or is silent about, says nothing of
 * the line: without this, a meter with a lower limit than its model would look like a line without termination.
 * @throws AgentError when the line is gone; what the signal of the line says
 */
export async function questionsFor(unit: number, model: MeterModel | undefined, line: Line): Promise<Questions> {
  if (!model) return { ...probes(unit), refused: [], isForeign: false };
  const shorts = [...model.fields].sort((a, b) => a.words - b.words).slice(0, MOST_FIELDS);
  const takes = (question: Question) => isTaken(line, question, model.pauseMs);
  let short: Question | undefined;
  for (const { functionCode, address, words } of shorts) {
    const question = { unit, functionCode, address, count: words };
    if (await takes(question)) {
      short = question;
      break;
    }
  }
  if (!short) return { ...probes(unit), refused: [], isForeign: true };
  const refused: number[] = [];
  for (let most = model.maxBlock; most > short.count; ) {
    const question = { unit, ...longestRead(model, line, most) };
    if (question.count <= short.count) break;
    if (await takes(question)) return { short, long: question, refused, isForeign: false };
    refused.push(question.count);
    most = Math.floor(question.count / 2);
  }
  return { short, long: short, refused, isForeign: false };
}

function longestRead({ fields, pauseMs }: MeterModel, line: Line, maxBlock: number): Omit<Question, 'unit'> {
  const cost = (count: number) => readWireMs(line.wire, count) + Math.max(20, pauseMs);
  const { blocks } = planReads(fields, { cost, maxBlock });
  const { functionCode, address, count } = blocks.reduce((a, b) => (b.count > a.count ? b : a));
  return { functionCode, address, count };
}

/** What comes damaged was meant as an answer. */
async function isTaken(line: Line, question: Question, pauseMs: number): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const { kind } = await line.ask(question, WAIT_MS, Math.max(PAUSE_MS, pauseMs));
    if (kind === 'exception') return false;
    if (kind !== 'silent') return true;
  }
  return false;
}
