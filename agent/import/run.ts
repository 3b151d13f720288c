import { Importer } from '../journal/importer.ts';
import { AgentError } from '../system/errors.ts';
import type { Screen } from '../system/progress-line.ts';
import { Converter, type ConverterOptions } from './converter.ts';
import { durationText, Progress } from './progress.ts';
import type { Origins } from './series-finder.ts';
import type { Source } from './source.ts';
import { loadMark, type Mark, markKeyOf, SourceImport } from './source-import.ts';
import { isStop } from './stopped.ts';
import { survey } from './survey.ts';
import { tallyText } from './tally.ts';
import { EmptyText } from './text-format.ts';

export type ImportMeaning = Pick<
  ConverterOptions,
  'meter' | 'model' | 'meterTag' | 'oneMeter' | 'measurement' | 'mapping'
>;

export interface ImportOptions {
  stateDir: string;
  /** How each source is opened, when its turn comes. */
  sources: readonly ((signal: AbortSignal) => Promise<Source>)[];
  /** What the person said of the data. */
  meaning: ImportMeaning;
  unitsAreSaid: boolean;
  maxErrors: number;
  /** Limits of the journal, where they are known. */
  retentionMs?: number | undefined;
  maxBytes?: number | undefined;
  dryRun: boolean;
  /** Begin anew instead of going on. */
  restart: boolean;
  /** Where progress goes, and where the result. */
  screen: Screen;
  print: (text: string) => void;
  /** Is aborted when the person wants it to end. */
  signal: AbortSignal;
}

/** Brings all sources into the journal; marks of those that are done go when all are. */
export async function runImport(options: ImportOptions): Promise<void> {
  const importer = new Importer(options.stateDir, options.dryRun);
  const keys: string[] = [];
  const origins: Origins = {};
  let isFirst = true;
  try {
    for (const open of options.sources) {
      const source = await opened(open, options);
      if (source === undefined) continue;
      if (source === 'stopped') return;
      const key = options.dryRun ? undefined : markKeyOf(source, { ...options.meaning });
      if (key !== undefined) {
        if (options.restart) importer.removeMarks([key]);
        keys.push(key);
      }
      const mark = loadMark(importer, key);
      // A command that goes on does so with its first source.
      if (isFirst && mark === undefined) importer.begin();
      isFirst = false;
      Object.assign(origins, mark?.origins);
      if (!(await importSource({ options, importer, source, markKey: key, mark, origins }))) return;
    }
    importer.finish(keys);
  } finally {
    importer.close();
  }
}

/** @returns undefined for an empty file among others */
async function opened(
  open: ImportOptions['sources'][number],
  { sources, screen, signal }: ImportOptions,
): Promise<Source | 'stopped' | undefined> {
  try {
    return await open(signal);
  } catch (error) {
    if (error instanceof EmptyText && sources.length > 1) {
      screen.write(`${error.message}, so it is passed over\n`);
      return undefined;
    }
    if (!isStop(error)) throw error;
    screen.write('stopped before anything was read\n');
    return 'stopped';
  }
}

interface SourceTask {
  options: ImportOptions;
  importer: Importer;
  source: Source;
  markKey: string | undefined;
  mark: Mark | undefined;
  origins: Origins;
}

/** @returns false when it was stopped before its end */
async function importSource({ options, importer, source, markKey, mark, origins }: SourceTask): Promise<boolean> {
  const { screen, print, dryRun, maxErrors, maxBytes, signal } = options;
  const say = (text: string) => screen.write(`${source.name}: ${text}\n`);
  const result = (tally: Mark['tally'], suffix = '') => print(`${source.name}: ${tallyText(tally, dryRun)}${suffix}\n`);
  if (mark?.done) {
    result(mark.tally, ' (done before)');
    return true;
  }
  const nowMs = Date.now();
  const converter = new Converter({
    ...options.meaning,
    fromSeed: source.fromSeed,
    unitsAreSaid: options.unitsAreSaid,
    nowMs,
    oldestMs: options.retentionMs === undefined ? undefined : nowMs - options.retentionMs,
    modelsOf: (measurement, meter) => importer.modelsOf(measurement, meter),
    origins,
  });
  if (mark === undefined && !dryRun && !(await surveyed(source, converter, options))) return false;
  say(`${source.kind}${source.fromSeed ? ', of the Python energy-monitor: current from mA, energies from Wh' : ''}`);
  for (const note of source.notes) say(note);
  if (source.identity === undefined && !dryRun)
    say('if this is cut off, begin again; what is there already stays as it is');
  if (mark) say(`going on behind record ${mark.tally.records}, where it was cut off`);
  const work = new SourceImport({ source, importer, converter, markKey, maxErrors, maxBytes, signal, origins }, mark);
  const progress = new Progress(screen, source.name, mark?.tally.records ?? 0);
  const startMs = performance.now();
  try {
    const { tally, done } = await work.run(progress);
    progress.end();
    const seconds = (performance.now() - startMs) / 1000;
    const records = tally.records - (mark?.tally.records ?? 0);
    const pace = ` (${durationText(seconds)}, ${Math.round(records / seconds)} records a second)`;
    const stopped = markKey === undefined ? '; stopped' : '; stopped, the same command goes on from here';
    result(tally, done ? pace : stopped);
    return done;
  } catch (error) {
    progress.end();
    throw markKey === undefined ? error : withGoingOn(error);
  }
}

/** @returns false when it was stopped */
async function surveyed(source: Source, converter: Converter, { screen, signal }: ImportOptions): Promise<boolean> {
  const progress = new Progress(screen, `${source.name}, looking through it first`, 0);
  try {
    await survey(source, converter, progress, signal);
  } finally {
    progress.end();
  }
  if (signal.aborted) screen.write(`${source.name}: stopped before anything was stored\n`);
  return !signal.aborted;
}

function withGoingOn(error: unknown): unknown {
  if (!(error instanceof AgentError) || !error.retryable) return error;
  const { code, message, hint, cause } = error;
  return new AgentError(code, message, {
    hint: `${hint === undefined ? '' : `${hint}; `}the same command goes on where it was`,
    retryable: true,
    cause,
  });
}
