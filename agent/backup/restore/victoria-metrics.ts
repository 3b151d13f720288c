import type { InfluxAddress } from '../../influxdb/client.ts';
import { removeScratch, restoredCopy, scratchCopies, scratchCopy } from '../../influxdb/victoria-metrics/copies.ts';
import { ImportDay, type ImportDayOptions } from '../../influxdb/victoria-metrics/import-day.ts';
import { ImportTarget } from '../../influxdb/victoria-metrics/import-target.ts';
import { type Copy, selectorOf } from '../../influxdb/victoria-metrics/selector.ts';
import { lookAt, type ServerLook } from '../../influxdb/victoria-metrics/server-look.ts';
import type { TimeSpan } from '../../influxdb/victoria-metrics/tallies.ts';
import { AgentError } from '../../system/errors.ts';
import { collectBuffers } from '../../system/garbage.ts';
import type { Logger } from '../../system/logging.ts';
import { DamagedContent, type SnapshotReader } from '../snapshot-reader.ts';
import { daysItKeeps, type KeptDay, keptDays, keptMeasurements } from './victoria-metrics-days.ts';

const PATIENCE_MS = 60_000;
/** What the server has said 204 to is on its disk by then: lost after a kill was up to 9.5 s of it (measured, 1.79). */
const SETTLE_MS = 12_000;
/** A day that is not there then will not be there after more of them. */
const ROUNDS = 3;
/** A byte on the disk for so many of the backup: 4 with noise in each digit, 15 and more with readings. */
const PACKED = 4;

export interface VictoriaMetricsServer {
  address: InfluxAddress;
  /** For each answer; no request has more than a megabyte. */
  timeoutMs: number;
  /** So long after its first failure a request is tried again where that can help. */
  patienceMs?: number;
  signal?: AbortSignal | undefined;
  log: Logger;
}

export interface VictoriaMetricsProgress {
  /** Of the backup's JSON lines. */
  doneBytes: number;
  allBytes: number;
}

export interface VictoriaMetricsRestoreOptions extends VictoriaMetricsServer {
  snapshot: SnapshotReader;
  /** Such as `databases/influxdb`. */
  sourceName: string;
  /**
   * Beside the live series, as `restored_energy_voltage{db="LABEL"}`; undefined: into the live ones, where only samples
   * come that are not there. `scratch` makes a copy for a trial.
   */
  beside?: { label: string } | 'scratch' | undefined;
  /** Only days of this time. */
  span?: TimeSpan | undefined;
  /** Whether to go on without what of the backup cannot be read. */
  skipDamaged: boolean;
  /** Whether to go on without days that are older than what the server keeps. */
  leaveOutExpired?: boolean;
  onProgress?: ((progress: VictoriaMetricsProgress) => void) | undefined;
  /** UTC ms. */
  nowMs?: number;
  settleMs?: number;
}

export interface VictoriaMetricsRestoreReport {
  url: string;
  /** Under which names; undefined: in place. */
  copy: Copy | undefined;
  /** In the backup, as far as they can be read. */
  samples: number;
  /** Those of them that were not in the server. */
  imported: number;
  series: number;
  /** Of the backup's JSON lines. */
  bytes: number;
  days: number;
  /** Days of a series that were found in the server, with counts and sums as they have to be. */
  compared: number;
  /** What cannot be read, a sentence each. */
  damaged: string[];
  /** Days that the server does not keep, as `2026-03-01`. */
  expired: string[];
  /** For a person, a sentence each. */
  notes: string[];
}

/**
 * Brings the VictoriaMetrics of a snapshot back. Of each series only times are sent at which the server has nothing, so
 * that it can be done again at will, beside a collector too; a run that was killed is done again. What is there stays.
 * Each day is counted and summed up in the server when it is on its disk; what is missing then is sent again.
 * @throws AgentError with a remedy; DamagedContent, which names what cannot be read
 */
export async function restoreVictoriaMetrics(
  options: VictoriaMetricsRestoreOptions,
): Promise<VictoriaMetricsRestoreReport> {
  const { snapshot, sourceName, beside, span, leaveOutExpired = false, nowMs = Date.now() } = options;
  const target = targetOf(options);
  const all = keptDays(snapshot, sourceName, span);
  const measurements = await keptMeasurements(snapshot, sourceName);
  const look = await target.patiently(() => lookAt(target.api));
  const { kept, expired } = daysItKeeps(all, look, { url: target.url, nowMs, leaveOut: leaveOutExpired });
  const copy = beside === 'scratch' ? scratchCopy() : beside && restoredCopy(beside.label);
  const run = new Run(options, { target, copy, selector: selectorOf(measurements, copy) }, kept);
  try {
    await run.all();
  } catch (error) {
    // A trial leaves nothing; what is not one can be gone on with.
    if (beside === 'scratch' && copy)
      await removeScratch(targetOf({ ...options, signal: undefined }), copy).catch(() => {});
    throw error;
  }
  return { ...run.report(), url: target.url, copy, expired, notes: notesOf(look, run.doubled, target.url) };
}

/** Removes what a restore with `beside: 'scratch'` has made, and nothing else. @param copy of its report */
export async function removeScratchVictoriaMetrics(server: VictoriaMetricsServer, copy: Copy): Promise<void> {
  await removeScratch(targetOf(server), copy);
}

/** Removes what trials have left that were killed. Not while another one runs. @returns how many */
export async function removeLeftScratchVictoriaMetrics(server: VictoriaMetricsServer): Promise<number> {
  const target = targetOf(server);
  const copies = await scratchCopies(target);
  for (const copy of copies) await removeScratch(target, copy);
  return copies.length;
}

const targetOf = ({ patienceMs = PATIENCE_MS, ...server }: VictoriaMetricsServer) =>
  new ImportTarget({ ...server, patienceMs });

class Run {
  doubled = 0;
  readonly #options: VictoriaMetricsRestoreOptions;
  readonly #import: ImportDayOptions;
  readonly #days: readonly KeptDay[];
  readonly #damaged: Set<string>;
  readonly #series = new Set<string>();
  readonly #allBytes: number;
  /** Imported, and not yet known to be on the server's disk. */
  #settling: { day: KeptDay; imported: ImportDay; endedMs: number }[] = [];
  /** What is not there although it was sent. */
  #lost: { day: KeptDay; problem: string }[] = [];
  #doneBytes = 0;
  #samples = 0;
  #imported = 0;
  #compared = 0;

  constructor(options: VictoriaMetricsRestoreOptions, importOptions: ImportDayOptions, days: readonly KeptDay[]) {
    this.#options = options;
    this.#import = importOptions;
    this.#days = days;
    this.#damaged = new Set(options.snapshot.lost);
    this.#allBytes = days.reduce((sum, { files }) => sum + bytesOf(files), 0);
  }

  async all(): Promise<void> {
    let days = this.#days;
    for (let round = 1; ; round++) {
      this.#lost = [];
      await this.#import.target.flush();
      for (const day of days) {
        await this.#importDay(day, round === 1);
        await this.#checkSettled(false);
      }
      await this.#checkSettled(true);
      const [first] = this.#lost;
      if (!first) return;
      if (round === ROUNDS) throw notKept(this.#import.target.url, first.day.name, first.problem);
      this.#options.log.debug({ days: this.#lost.length, problem: first.problem }, 'sending days again');
      days = this.#lost.map(({ day }) => day);
    }
  }

  report() {
    return {
      samples: this.#samples,
      imported: this.#imported,
      series: this.#series.size,
      bytes: this.#allBytes,
      days: this.#days.length,
      compared: this.#compared,
      damaged: [...this.#damaged],
    };
  }

  async #importDay(day: KeptDay, isFirst: boolean): Promise<void> {
    const imported = await ImportDay.begin(this.#import, day.fromMs);
    if (imported.isEmpty) await this.#requireRoom(day);
    for (const file of day.files) {
      try {
        for await (const line of linesOf(this.#pieces(this.#options.snapshot.content(file), isFirst))) {
          await imported.take(line);
        }
      } catch (error) {
        if (!this.#options.skipDamaged || !(error instanceof DamagedContent)) throw error;
        this.#damaged.add(error.message);
      }
    }
    await imported.end();
    if (isFirst) {
      this.#samples += imported.samples;
      this.#imported += imported.imported;
      for (const series of imported.series) this.#series.add(series);
    }
    this.#settling.push({ day, imported, endedMs: performance.now() });
  }

  /** @param isEnd wait for those that are not on the disk yet */
  async #checkSettled(isEnd: boolean): Promise<void> {
    const { settleMs = SETTLE_MS } = this.#options;
    for (;;) {
      const [first] = this.#settling;
      if (!first) return;
      const { day, imported, endedMs } = first;
      const waitMs = imported.imported === 0 ? 0 : endedMs + settleMs - performance.now();
      if (waitMs > 0 && !isEnd) return;
      if (waitMs > 0) await this.#import.target.pause(waitMs);
      this.#settling.shift();
      const { isWhole, series, doubled, problem = '' } = await imported.check();
      this.doubled += doubled;
      if (isWhole) this.#compared += series;
      else this.#lost.push({ day, problem });
    }
  }

  /** VictoriaMetrics 1.79 dies when its disk is full. */
  async #requireRoom({ name, files }: KeptDay): Promise<void> {
    const { target } = this.#import;
    const { freeBytes } = await target.patiently(() => lookAt(target.api));
    const neededBytes = bytesOf(files) / PACKED;
    if (freeBytes === undefined || freeBytes >= neededBytes) return;
    throw new AgentError('storage', `the disk of ${target.url} has no room for ${name}`, {
      hint: `make ${Math.ceil((neededBytes - freeBytes) / 1e6)} MB free there and run it again: what is there stays`,
    });
  }

  async *#pieces(content: AsyncIterable<Buffer>, isFirst: boolean): AsyncGenerator<Buffer> {
    for await (const piece of content) {
      if (isFirst) this.#doneBytes += piece.length;
      // Lines are cut out of it.
      collectBuffers(piece.length);
      this.#options.onProgress?.({ doneBytes: this.#doneBytes, allBytes: this.#allBytes });
      yield piece;
    }
  }
}

/** Whole lines, without their ends. */
async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      const line = piece.subarray(from, end);
      yield (rest.length > 0 ? Buffer.concat([rest, line]) : line).toString();
      rest = Buffer.alloc(0);
      from = end + 1;
    }
    rest = Buffer.concat([rest, piece.subarray(from)]);
  }
}

const bytesOf = (files: KeptDay['files']) => files.reduce((sum, { bytes }) => sum + bytes, 0);

function notesOf({ retentionMs, dedup }: ServerLook, doubled: number, url: string): string[] {
  const notes: string[] = [];
  if (retentionMs === undefined) {
    notes.push(`${url} does not tell how long it keeps samples: look at its -retentionPeriod, a month by default`);
  }
  if (doubled > 0) {
    notes.push(
      `${doubled} samples are in the server twice, as others wrote them meanwhile: -dedup.minScrapeInterval=1ms shows them once`,
    );
  } else if (dedup === '0s') {
    notes.push(
      `${url} keeps what is sent twice, twice: start it with -dedup.minScrapeInterval=1ms before readings are sent again`,
    );
  }
  return notes;
}

function notKept(url: string, day: string, problem: string): AgentError {
  return new AgentError('unavailable', `${url} did not keep what was sent of ${day}: ${problem}`, {
    hint: 'see its log: its disk may be full, its -retentionPeriod too short, its -dedup.minScrapeInterval longer than that of the old server; then run it again',
  });
}
