import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { type Child, REPOSITORY, runScript } from './child.ts';
import type { ChildClock } from './clock-child.ts';
import { ALL } from './open-journal.ts';
import { temporaryDirectory } from './temporary.ts';
import { virtualLine } from './virtual-line.ts';

/** What the child prints of an outcome: when its sample began, in true time. */
export interface Seen {
  held: boolean;
  reading: boolean;
  trueMs: number;
}

/** A meter, a configuration and a clock for collectors that are started, killed and started again. */
export class ClockCollector {
  readonly stateDir: string;
  readonly #configPath: string;
  readonly #clockPath: string;
  #clock: ChildClock = { shiftMs: 0, synchronized: false, boot: 'boot-1', bootedMs: nowMs() };
  #child: Child | undefined;
  #seen: Seen[] = [];

  constructor(hold: string, more: Record<string, unknown> = {}) {
    const directory = temporaryDirectory();
    this.stateDir = join(directory, 'state');
    this.#configPath = join(directory, 'config.yaml');
    this.#clockPath = join(directory, 'clock.json');
    const { line } = virtualLine();
    const connection = { serial: line.linkPath, baudRate: 115200 };
    writeFileSync(
      this.#configPath,
      JSON.stringify({
        stateDir: this.stateDir,
        journal: { flushInterval: '1s' },
        clock: { hold },
        meters: [{ name: 'house', model: 'we-515', interval: '200ms', connection }],
        ...more,
      }),
    );
  }

  /** Sets the clock, also of a running collector. */
  set(clock: Partial<ChildClock>): void {
    this.#clock = { ...this.#clock, ...clock };
    writeFileSync(this.#clockPath, JSON.stringify(this.#clock));
    this.#child?.process.kill('SIGUSR2');
  }

  start(): void {
    this.set({});
    this.#child = runScript(`${REPOSITORY}/test/support/clock-child.ts`, [this.#configPath, this.#clockPath]);
  }

  /** Waits for a number of readings since its start. */
  async readings(count: number): Promise<void> {
    const printed = () => this.child.output().split('"reading":true').length - 1;
    await vi.waitUntil(() => printed() >= count, { timeout: 20_000, interval: 20 });
  }

  get child(): Child {
    if (!this.#child) throw new Error('not started');
    return this.#child;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.child.end(signal);
    const lines = this.child.output().split('\n').slice(0, -1);
    this.#seen.push(...lines.map((line) => JSON.parse(line) as Seen));
    this.#child = undefined;
  }

  /** The power goes: with it what lies in memory. */
  async cutPower(): Promise<void> {
    await this.end('SIGKILL');
    const reader = new JournalReader(this.stateDir);
    const runtime = reader.runtimeDirectory();
    reader.close();
    if (runtime !== undefined) rmSync(runtime, { recursive: true });
    this.set({ boot: `${this.#clock.boot}+`, bootedMs: nowMs(), synchronized: false });
  }

  /** What ended collectors have said that they stored. */
  get seen(): Seen[] {
    return this.#seen.filter(({ reading }) => reading);
  }
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** When the sample of a reading began, by its own account. */
export function startOf({ timeMs, values }: Reading): number {
  return timeMs + 1000 * (values.start_offset ?? Number.NaN);
}

export function allReadings(stateDir: string): Reading[] {
  const reader = new JournalReader(stateDir);
  try {
    return reader.readings(ALL);
  } finally {
    reader.close();
  }
}
