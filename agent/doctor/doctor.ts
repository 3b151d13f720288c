import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseConfig } from '../config/load.ts';
import { AgentError, EXIT_CODES, messageOf } from '../system/errors.ts';
import { progressLine, type Screen } from '../system/progress-line.ts';
import { adaptersWithoutPort, findAdapters } from './adapters.ts';
import { examine } from './examine.ts';
import type { LineReport } from './report.ts';
import { reportJson, reportText } from './report.ts';
import { snippetOf } from './snippet.ts';
import type { Visit } from './targets.ts';
import { codeOf, type Finding, findingsOf } from './verdict.ts';

export interface DoctorOptions {
  /** What to look at; empty: every adapter that is there. */
  visits: readonly Visit[];
  /** Applies to adapters that are found. */
  expected?: Visit['expected'];
  measureMs: number;
  isThorough?: boolean | undefined;
  asJson?: boolean | undefined;
  /** File for the configuration of what was found. */
  writeTo?: string | undefined;
  mayReplace?: boolean | undefined;
  out: { write(text: string): unknown };
  screen: Screen;
  /** What stands for /; for tests. */
  root?: string;
}

/**
 * Examines lines one after the other and tells what it found.
 * @param stopped ends it at any moment; ports are closed and set as they were
 * @returns the exit code
 * @throws AgentError for a file that is there, or cannot be written
 */
export async function runDoctor(options: DoctorOptions, stopped: Promise<void>): Promise<number> {
  const { visits, writeTo, out } = options;
  // Before a minute of measuring, not after it.
  if (writeTo !== undefined) refuseUnwritable(writeTo, options.mayReplace === true);
  const general: Finding[] = [];
  const lines: LineReport[] = [];
  const controller = new AbortController();
  void stopped.then(() => controller.abort());
  const progress = progressLine(options.screen);
  const all = visits.length > 0 ? visits : adaptersHere(options, general);
  try {
    for (const { target, expected, otherUnits } of all) {
      if (controller.signal.aborted) break;
      const evidence = await examine(target, {
        ...(expected ? { expected } : {}),
        ...(otherUnits ? { otherUnits } : {}),
        measureMs: options.measureMs,
        isThorough: options.isThorough,
        signal: controller.signal,
        onProgress: (text) => progress.show(text),
      });
      lines.push({ evidence, findings: findingsOf(evidence) });
    }
  } finally {
    progress.clear();
  }
  const isChecking = visits.some(({ expected }) => expected?.by === 'configuration');
  const snippet = isChecking ? undefined : snippetOf(lines.map(({ evidence }) => evidence));
  const isStopped = controller.signal.aborted;
  out.write(options.asJson ? reportJson(lines, general, snippet, isStopped) : reportText(lines, general, snippet));
  if (isStopped) {
    const unwritten = writeTo === undefined ? '' : `, ${writeTo} is not written`;
    options.screen.write(`energy-monitor: stopped before the end${unwritten}; ports are closed and set as they were\n`);
    return 0;
  }
  const isFound = lines.some(({ evidence }) => evidence.found !== undefined);
  if (writeTo !== undefined) write(writeTo, snippet, isFound, options);
  return exitCode(lines, general);
}

/** A machine has other ports besides the meter's: one line that is right is enough, unless each was asked for. */
function exitCode(lines: readonly LineReport[], general: readonly Finding[]): number {
  const codes = lines.map(({ evidence, findings }) => codeOf(findings, evidence.expected));
  const isAsked = lines.some(({ evidence }) => evidence.expected?.by === 'configuration');
  const failed = codes.find((code) => code !== undefined);
  const isGood = failed === undefined || (!isAsked && codes.includes(undefined));
  const code = codeOf(general, undefined) ?? (isGood ? undefined : failed);
  return code === undefined ? 0 : EXIT_CODES[code];
}

function adaptersHere({ expected, root }: DoctorOptions, general: Finding[]): Visit[] {
  const adapters = findAdapters(root);
  if (adapters.length === 0) {
    const unserved = adaptersWithoutPort(root);
    general.push({
      cause: 'no-adapter',
      level: 'fault',
      sentence:
        unserved.length === 0
          ? 'there is no serial adapter: no /dev/ttyUSB*, /dev/ttyACM* or /dev/ttyAMA*'
          : `an adapter is plugged in, but has no port: ${unserved.join(', ')}`,
      remedies:
        unserved.length === 0
          ? [
              'plug the USB-RS485 adapter in; another cable or socket if it is',
              'behind a network gateway: doctor --tcp HOST',
            ]
          : ['its driver is missing: sudo dmesg | tail -50', 'brltty takes CH340 adapters: sudo apt remove brltty'],
    });
  }
  return adapters.map(({ path }) => ({ target: { kind: 'serial', path }, ...(expected ? { expected } : {}) }));
}

function refuseUnwritable(path: string, mayReplace: boolean): void {
  const isThere = existsSync(path);
  if (isThere && !mayReplace) {
    throw new AgentError('usage', `${path} is there already, and is left as it is`, {
      hint: 'name another file, or replace it with --force',
    });
  }
  try {
    accessSync(isThere ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

const unwritable = (path: string, cause: unknown) =>
  new AgentError('storage', `${path} cannot be written: ${messageOf(cause)}`, {
    hint: 'name a file in a directory that you can write to',
    cause,
  });

function write(
  path: string,
  snippet: string | undefined,
  isFound: boolean,
  { mayReplace, screen }: DoctorOptions,
): void {
  if (snippet === undefined) {
    const why = isFound ? 'the model of what answers is not known' : 'no meter was found';
    screen.write(`energy-monitor: ${why}, so ${path} is not written\n`);
    return;
  }
  parseConfig(snippet, path);
  try {
    writeFileSync(
      path,
      `# Written by energy-monitor doctor; energy-monitor config example shows all keys.\n${snippet}`,
      {
        flag: mayReplace ? 'w' : 'wx',
      },
    );
  } catch (error) {
    throw unwritable(path, error);
  }
  screen.write(`energy-monitor: ${path} is written; check it with: energy-monitor config check --config ${path}\n`);
}
