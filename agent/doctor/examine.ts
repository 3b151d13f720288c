import { closeSync, constants, openSync, statSync } from 'node:fs';
import { isatty } from 'node:tty';
import { MODELS } from '../meters/catalogue.ts';
import { DEFAULT_TIMING } from '../modbus/bus.ts';
import { tcpConnector } from '../modbus/tcp-connection.ts';
import { AgentError } from '../system/errors.ts';
import { adapterAt } from './adapters.ts';
import type { Evidence, Target } from './evidence.ts';
import { Line } from './line.ts';
import { measure } from './measure.ts';
import { questionsFor } from './questions.ts';
import { Recognition } from './recognise.ts';
import { type Found, Search } from './search.ts';

export interface ExamineOptions {
  expected?: Evidence['expected'];
  /** Units of other meters that are configured on this line. */
  otherUnits?: readonly number[];
  isThorough?: boolean | undefined;
  /** How long to measure, ms; 0: not at all. */
  measureMs: number;
  signal: AbortSignal;
  /** What is done now, for a person. */
  onProgress?: (text: string) => void;
}

const seconds = (ms: number) => `${Math.max(0, Math.round(ms / 1000))} s`;

/** A file, a directory, /dev/null: what can be opened, or need not be, and is no terminal. */
function isSomethingElse(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return false;
  if (!stat.isCharacterDevice()) return true;
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    const isTerminal = isatty(fd);
    closeSync(fd);
    return !isTerminal;
  } catch {
    return false;
  }
}

async function openLine(target: Target, signal: AbortSignal): Promise<Line> {
  if (target.kind === 'serial') return Line.openSerial(target.path, signal);
  const wire = { baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 } as const;
  return Line.openNetwork(tcpConnector(target, target.kind === 'tcp' ? 'mbap' : 'rtu', wire), signal);
}

/**
 * Looks at one line: who holds it, whether a meter answers and how, which it is, and how well. Nothing is written to a meter;
 * the port is closed, and set as it was, whatever happens. Ended by the signal, it tells what was found until then.
 */
export async function examine(target: Target, options: ExamineOptions): Promise<Evidence> {
  const evidence: Evidence = { target, ...(options.expected ? { expected: options.expected } : {}) };
  if (target.kind === 'serial') {
    if (isSomethingElse(target.path)) {
      return { ...evidence, failure: { message: `${target.path} is no serial port`, when: 'opening' } };
    }
    evidence.adapter = adapterAt(target.path);
    if (evidence.adapter.access !== 'granted') return evidence;
    if (evidence.adapter.holders.length > 0) return { ...evidence, isHeld: true };
  }
  let line: Line;
  try {
    line = await openLine(target, options.signal);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (/held by another program/.test(error.message)) return { ...evidence, isHeld: true };
    return { ...evidence, failure: { message: error.message, when: 'opening' } };
  }
  try {
    await look(line, evidence, options);
  } catch (error) {
    if (options.signal.aborted) evidence.isStopped = true;
    else if (error instanceof AgentError) evidence.failure = { message: error.message, when: 'examining' };
    else throw error;
  } finally {
    await line.close();
  }
  return evidence;
}

async function look(line: Line, evidence: Evidence, options: ExamineOptions): Promise<void> {
  const { expected, otherUnits = [], isThorough, onProgress, measureMs, signal } = options;
  const search = new Search(line, {
    models: MODELS,
    given: expected && { unit: expected.unit, baudRate: expected.baudRate, parity: expected.parity },
    model: expected?.model,
    otherUnits,
    isThorough,
    onProgress: ({ attempt: { settings, question }, done, planned, leftMs }) =>
      onProgress?.(
        `${line.name}: ${line.isSerial ? `${settings.baudRate} baud, parity ${settings.parity}, ` : ''}unit ${question.unit} (${done + 1} of ${planned}, at most ${seconds(leftMs)} more)`,
      ),
  });
  const { found, searched } = await search.run();
  evidence.searched = searched;
  if (!found) return;
  evidence.found = found;
  onProgress?.(`${line.name}: unit ${found.unit} answers; which meter is it?`);
  const known = expected?.model;
  if (!known || known.identify.length > 0) {
    evidence.recognised = await new Recognition(line, found.unit, found.settings).among(MODELS);
  }
  const model = known ?? evidence.recognised?.candidates[0];
  const isFactoryRate = model?.serial.baudRate === found.settings.baudRate;
  const parity = expected?.parity ?? (isFactoryRate ? model?.serial.parity : undefined);
  if (parity !== undefined && line.isSerial) await preferParity(line, evidence, found, parity);
  if (measureMs === 0 && !known) return;
  const questions = await questionsFor(found.unit, model, line);
  evidence.questions = questions;
  if (measureMs === 0 || questions.isForeign) return;
  evidence.measured = await measure(line, questions, model, {
    forMs: measureMs,
    patienceMs: expected?.responseMs ?? model?.responseMs ?? DEFAULT_TIMING.responseMs,
    signal,
    onProgress: (requests, failed, leftMs) =>
      onProgress?.(`${line.name}: measuring, ${requests} reads, ${failed} failed (${seconds(leftMs)} more)`),
  });
  if (signal.aborted) evidence.isStopped = true;
}

/** A meter that takes any parity was found at the first that was tried: what is expected, or the factory's, is the better guess. */
async function preferParity(
  line: Line,
  evidence: Evidence,
  found: Found,
  parity: Found['settings']['parity'],
): Promise<void> {
  const WAIT_MS = 700;
  const PAUSE_MS = 60;
  if (parity === found.settings.parity) return;
  const settings = { ...found.settings, parity };
  line.set(settings);
  const question = { unit: found.unit, functionCode: 3, address: 0x0002, count: 2 } as const;
  const kinds = new Set([
    (await line.ask(question, WAIT_MS, PAUSE_MS)).kind,
    (await line.ask({ ...question, count: 1 }, WAIT_MS, PAUSE_MS)).kind,
  ]);
  if ([...kinds].every((kind) => kind === 'answer' || kind === 'exception')) {
    evidence.toleratedParities = [found.settings.parity];
    evidence.found = { ...found, settings };
  } else line.set(found.settings);
}
