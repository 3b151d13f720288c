import { Importer } from '../journal/importer.ts';
import { AgentError } from '../system/errors.ts';
import { Converter, type ConverterOptions } from './converter.ts';
import { durationText, Progress, type Screen } from './progress.ts';
import type { Source } from './source.ts';
import { loadMark, type Mark, markKeyOf, SourceImport } from './source-import.ts';
import { tallyText } from './tally.ts';

export type ImportMeaning = Pick<ConverterOptions, 'meter' | 'model' | 'measurement' | 'mapping'>;

export interface ImportOptions {
  stateDir: string;
  /** How each source is opened, when its turn comes. */
  sources: readonly (() => Promise<Source>)[];
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
  stopping: () => boolean;
}

/** Brings all sources into the journal; marks of those that are done go when all are. */
export async function runImport(options: ImportOptions): Promise<void> {
  const importer = new Importer(options.stateDir, options.dryRun);
  const keys: string[] = [];
  try {
    for (const open of options.sources) {
      const source = await open();
      const key = options.dryRun ? undefined : markKeyOf(source, { ...options.meaning });
      if (key !== undefined) keys.push(key);
      if (!(await importSource(options, importer, source, key))) return;
    }
    importer.removeMarks(keys);
  } finally {
    importer.close();
  }
}

/** @returns false when it was stopped before its end */
async function importSource(
  options: ImportOptions,
  importer: Importer,
  source: Source,
  markKey: string | undefined,
): Promise<boolean> {
  const { screen, print, dryRun } = options;
  const say = (text: string) => screen.write(`${source.name}: ${text}\n`);
  if (markKey !== undefined && options.restart) importer.removeMarks([markKey]);
  const mark = loadMark(importer, markKey);
  const result = (tally: Mark['tally'], suffix = '') => print(`${source.name}: ${tallyText(tally, dryRun)}${suffix}\n`);
  if (mark?.done) {
    result(mark.tally, ' (done before)');
    return true;
  }
  say(`${source.kind}${source.fromSeed ? ', of the Python energy-monitor: current from mA, energies from Wh' : ''}`);
  for (const note of source.notes) say(note);
  if (source.identity === undefined && !dryRun)
    say('if this is cut off, begin again; what is there already stays as it is');
  if (mark) say(`going on behind record ${mark.tally.records}, where it was cut off`);
  const nowMs = Date.now();
  const converter = new Converter({
    ...options.meaning,
    fromSeed: source.fromSeed,
    unitsAreSaid: options.unitsAreSaid,
    nowMs,
    oldestMs: options.retentionMs === undefined ? undefined : nowMs - options.retentionMs,
    modelsOf: (measurement, meter) => importer.modelsOf(measurement, meter),
  });
  const { maxErrors, maxBytes, stopping } = options;
  const work = new SourceImport({ source, importer, converter, markKey, maxErrors, maxBytes, stopping }, mark);
  const progress = new Progress(screen, source.name, mark?.tally.records ?? 0);
  const startMs = performance.now();
  try {
    const { tally, done } = await work.run(progress);
    progress.end();
    const seconds = (performance.now() - startMs) / 1000;
    const records = tally.records - (mark?.tally.records ?? 0);
    const pace = ` (${durationText(seconds)}, ${Math.round(records / seconds)} records a second)`;
    result(tally, done ? pace : '; stopped, the same command goes on from here');
    return done;
  } catch (error) {
    progress.end();
    throw markKey === undefined ? error : withGoingOn(error);
  }
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
