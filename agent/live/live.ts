import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Collector } from '../collector/collector.ts';
import type { StartCompanion } from '../collector/companion.ts';
import type { Outcome } from '../collector/meter-loop.ts';
import { runCollector } from '../collector/run.ts';
import type { MeterStatus } from '../collector/status.ts';
import { parseConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { ensureStateDir } from '../journal/database.ts';
import { createLogger, type Logger } from '../system/logging.ts';
import { stopRequested } from '../system/stop-signal.ts';
import { Panel, styleFor } from './panel.ts';
import { plainLine } from './plain-line.ts';
import type { Snapshot } from './snapshot.ts';
import { startVirtualMeter } from './virtual.ts';

export interface LiveOptions {
  serial?: string;
  baud?: number;
  parity?: 'none' | 'even' | 'odd';
  unit?: number;
  model: string;
  seed: number;
  solar: number;
  stateDir?: string;
  /** Where the page is served; `off`: nowhere. */
  page: string;
  /** Ends by itself after this many ms. */
  duration?: number;
}

/** What serves the page beside it. @param onListening is told where, for a person */
export type LivePage = (log: Logger, onListening: (url: string) => void) => StartCompanion;

/** Reads one meter with the real collector into a real journal and shows each second. */
export async function runLive(options: LiveOptions, page?: LivePage): Promise<void> {
  const stateDir = options.stateDir ?? defaultStateDir(options.serial === undefined);
  ensureStateDir(stateDir);
  const linkPath = join(stateDir, 'virtual-meter');
  const config = configOf(options, stateDir, options.serial ?? linkPath);
  const until = stopRequested(options.duration);
  const memoryPath = join(stateDir, 'virtual-meter.json');
  const virtual =
    options.serial === undefined ? await startVirtualMeter({ ...options, linkPath, memoryPath }) : undefined;
  const title = virtual
    ? `virtual ${options.model} on a pseudo-terminal at ${baudOf(config)} baud`
    : `${options.model} on ${options.serial}`;
  const onTerminal = process.stdout.isTTY === true;
  try {
    // On a terminal the panel shows what a log would say; lines of a log would tear it.
    const log = createLogger(onTerminal ? { level: 'silent' } : { level: 'error' });
    const show = onTerminal ? panelView() : plainView();
    let url: string | undefined;
    const listening = (at: string) => {
      url = at;
      if (!onTerminal) process.stdout.write(`The page: ${at}\n`);
    };
    let collector: Collector | undefined;
    await runCollector({
      config,
      log,
      until,
      companion: page?.(log, listening),
      onStart: (started) => {
        collector = started;
      },
      onOutcome: (_series, outcome) => {
        const status = collector?.status().meters[0];
        if (status) show({ ...snapshotOf(outcome, status, title, stateDir), url });
      },
    });
  } finally {
    await virtual?.stop();
  }
  process.stdout.write(
    `The readings are in ${stateDir}; print them with:\n  agent/energy-monitor readings --state-dir ${stateDir}\n`,
  );
}

/** Invented readings never share a journal with real ones. */
function defaultStateDir(virtual: boolean): string {
  const base = process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state');
  return join(base, 'energy-monitor', virtual ? 'virtual' : 'live');
}

function configOf({ baud, parity, unit, model, page }: LiveOptions, stateDir: string, serial: string): Config {
  const connection = { serial, baudRate: baud, parity };
  return parseConfig(
    JSON.stringify({ stateDir, meters: [{ name: 'meter', model, unit, connection }], web: { listen: page } }),
    'the command line',
  );
}

function baudOf({ meters: [meter] }: Config): number | undefined {
  return meter && 'baudRate' in meter.connection ? meter.connection.baudRate : undefined;
}

function snapshotOf(outcome: Outcome, status: MeterStatus, title: string, stateDir: string): Omit<Snapshot, 'url'> {
  const { lineStats, gaps, problem } = status;
  const { timeouts, crcErrors, exceptions, truncated, noise, disconnects } = lineStats;
  return {
    timeMs: outcome.timeMs,
    title,
    values: 'reading' in outcome ? outcome.reading.values : undefined,
    gap: 'cause' in outcome ? { cause: outcome.cause, message: outcome.message } : undefined,
    held: outcome.held,
    good: status.good,
    // What was missed before this run is no fault of its line.
    missed: Object.entries(gaps).reduce((sum, [cause, count]) => (cause === 'stopped' ? sum : sum + count), 0),
    lineErrors: timeouts + crcErrors + exceptions + truncated + noise + disconnects,
    strayBytes: lineStats.strayBytes,
    connected: status.connected,
    hint: problem?.hint,
    stateDir,
  };
}

/** A line a second; what to do about a gap is said when its reason is a new one. */
function plainView(): (snapshot: Snapshot) => void {
  let said: string | undefined;
  return (snapshot) => {
    const reason = snapshot.values ? undefined : snapshot.gap?.message;
    const hint = reason !== said && snapshot.hint !== undefined ? `          ${snapshot.hint}\n` : '';
    said = reason;
    process.stdout.write(plainLine(snapshot) + hint);
  };
}

function panelView(): (snapshot: Snapshot) => void {
  const panel = new Panel(styleFor(process.env.NO_COLOR === undefined));
  return (snapshot) => void process.stdout.write(panel.draw(snapshot, process.stdout.columns || 80));
}
