import { setImmediate as settled } from 'node:timers/promises';
import { ClockWatch } from '../../agent/collector/clock-watch.ts';
import { Guard } from '../../agent/collector/guard.ts';
import { MeterLoop, type Outcome } from '../../agent/collector/meter-loop.ts';
import type { Journal } from '../../agent/journal/journal.ts';
import { JournalReader } from '../../agent/journal/reader.ts';
import type { KnownClock } from '../../agent/journal/recall.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import type { Clock } from '../../agent/system/clock.ts';
import type { Logger } from '../../agent/system/logging.ts';
import { FakeEvidence, NOON_MS } from './clocks.ts';
import { memoryOf } from './fast-line.ts';
import { open } from './open-journal.ts';
import { HOUSE } from './readings.ts';
import { recordingLog } from './silent-log.ts';

/** How long a sample takes. */
const SAMPLE_MS = 200;

/**
 * A machine whose time passes as fast as it can: a true time that nobody there knows, a monotonic clock since its boot, and
 * a wall clock that the test sets. Everything else is real: grid, loop, watch, guard, journal.
 */
export class Machine implements Clock {
  readonly evidence = new FakeEvidence();
  readonly outcomes: Outcome[] = [];
  readonly log: Logger;
  readonly lines: Record<string, unknown>[];
  holdMs = 600_000;
  #trueAtBootMs: number;
  #mono = 0;
  #wallOffsetMs: number;
  #remembered: KnownClock | undefined;
  #sleepers: { atMs: number; wake: () => void }[] = [];
  #events: { atMs: number; happen: () => void }[] = [];
  #spikeMs = Number.NaN;
  #spikeKwh = 0;
  #running: Running | undefined;

  /** @param wallMs what the wall clock shows when it starts */
  constructor(wallMs: number, trueMs = NOON_MS) {
    this.#trueAtBootMs = trueMs;
    this.#wallOffsetMs = wallMs;
    const { log, lines } = recordingLog();
    this.log = log;
    this.lines = lines;
  }

  get trueMs(): number {
    return this.#trueAtBootMs + this.#mono;
  }

  wallMs = () => this.#mono + this.#wallOffsetMs;
  monotonicMs = () => this.#mono;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { atMs: this.#mono + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(signal.reason);
      });
    });
  }

  setWall(ms: number): void {
    this.#wallOffsetMs = ms - this.#mono;
  }

  stepWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** A time server answers: the clock is right from now on, but for this. */
  synchronize(errorMs = 0): void {
    this.setWall(this.trueMs + errorMs);
    this.evidence.isSynchronized = true;
  }

  /** The counter is wrong by this, for a second, this long after now. */
  spike(afterMs: number, kwh: number): void {
    this.#spikeMs = this.#mono + afterMs;
    this.#spikeKwh = kwh;
  }

  /** Within the next run, this long after its beginning. */
  after(ms: number, happen: () => void): void {
    this.#events.push({ atMs: this.#mono + ms, happen });
  }

  /** Starts the collector: meters by name and interval. */
  start(stateDir: string, meters: Readonly<Record<string, number>> = { house: 1000 }): void {
    const journal = open(stateDir, { log: this.log });
    const reader = new JournalReader(stateDir);
    const watch = new ClockWatch({
      clock: this,
      evidence: this.evidence,
      holdMs: this.holdMs,
      newestMs: reader.counts().toMs ?? Number.NEGATIVE_INFINITY,
      log: this.log,
      remembered: this.#remembered,
      onChange: (clock) => {
        journal.setClock(clock);
        if (clock) this.#remembered = clock;
      },
    });
    watch.start();
    const stop = new AbortController();
    const loops = Object.entries(meters).map(([meter, intervalMs]) =>
      this.#loop(meter, intervalMs, journal, watch, reader).run(stop.signal),
    );
    reader.close();
    this.#running = { journal, watch, stop, loops };
  }

  #loop(meter: string, intervalMs: number, journal: Journal, watch: ClockWatch, reader: JournalReader): MeterLoop {
    const series = { ...HOUSE, meter };
    const clock = watch.doubted;
    const heldMs = clock && reader.lastHeldMs(series, clock);
    return new MeterLoop({
      source: {
        series,
        decimals: { active_energy: 6 },
        sample: async () => {
          // Tells the true time, so that a reading with another one is seen.
          const isSpike = Math.abs(this.#mono - this.#spikeMs) < 500;
          const values = { voltage: 230, active_energy: countedAt(this.trueMs) + (isSpike ? this.#spikeKwh : 0) };
          await this.sleep(Math.min(SAMPLE_MS, intervalMs / 4));
          return { values, raw: '' };
        },
      },
      guard: new Guard(WE_515, [reader.latest(series) ?? []].flat()),
      journal,
      memory: memoryOf(),
      clock: this,
      watch,
      log: this.log,
      intervalMs,
      lastKnownMs: heldMs ?? reader.lastKnownMs(series),
      lastIsHeld: heldMs !== undefined,
      onOutcome: (outcome) => void this.outcomes.push(outcome),
    });
  }

  get watch(): ClockWatch {
    if (!this.#running) throw new Error('not started');
    return this.#running.watch;
  }

  get journal(): Journal {
    if (!this.#running) throw new Error('not started');
    return this.#running.journal;
  }

  /** Lets time pass. */
  async run(ms: number): Promise<void> {
    const endMs = this.#mono + ms;
    for (;;) {
      await settled();
      const nextMs = Math.min(...this.#sleepers.map(({ atMs }) => atMs), ...this.#events.map(({ atMs }) => atMs));
      this.#mono = Math.max(this.#mono, Math.min(nextMs, endMs));
      const due = this.#events.filter(({ atMs }) => atMs <= this.#mono);
      this.#events = this.#events.filter(({ atMs }) => atMs > this.#mono);
      for (const { happen } of due) happen();
      const awake = this.#sleepers.filter(({ atMs }) => atMs <= this.#mono);
      this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#mono);
      for (const { wake } of awake) wake();
      if (nextMs > endMs) return;
    }
  }

  async stop(): Promise<void> {
    const { journal, watch, stop, loops } = this.#running ?? {};
    stop?.abort();
    await this.run(1000);
    await Promise.all(loops ?? []);
    watch?.stop();
    journal?.close();
    this.#running = undefined;
  }

  /** The power was away for this long; it starts with this on its wall clock. */
  reboot(awayMs: number, wallMs: number): void {
    this.#trueAtBootMs = this.trueMs + awayMs;
    this.#mono = 0;
    this.#wallOffsetMs = wallMs;
    this.#remembered = undefined;
    this.evidence.boot = `${this.evidence.boot}+`;
    this.evidence.isSynchronized = false;
  }
}

interface Running {
  journal: Journal;
  watch: ClockWatch;
  stop: AbortController;
  loops: Promise<void>[];
}

/** A counter that tells the true time: a millisecond is 10^-6 kWh. */
const countedAt = (trueMs: number) => Math.round(1000e6 + trueMs - NOON_MS) / 1e6;
const trueTimeOf = (kwh: number) => (kwh - 1000) * 1e6 + NOON_MS;

/** By how much readings are beside the true time at which they say that they were taken, at most: ms. */
export function worstError(readings: readonly Reading[]): number {
  return Math.max(
    0,
    ...readings.map(({ timeMs, values }) =>
      Math.abs(timeMs + (values.start_offset ?? Number.NaN) * 1000 - trueTimeOf(values.active_energy ?? Number.NaN)),
    ),
  );
}
