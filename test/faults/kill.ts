import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Reading } from '../../agent/readings/reading.ts';
import { PtyLine } from '../../agent/simulator/pty-line.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { type Child, REPOSITORY, runScript } from '../support/child.ts';
import { readingAt } from '../support/readings.ts';
import { restlessLoad } from '../support/restless-load.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

/** Whole lines that a killed child printed: what it says it has stored. */
function printedLines(child: Child): string[] {
  return child.output().split('\n').slice(0, -1);
}

function readAll(stateDir: string): Reading[] {
  const reader = new JournalReader(stateDir);
  try {
    return [...reader.each(ALL)];
  } finally {
    reader.close();
  }
}

/** Kills while appending and committing go on all the time: within a write of the tail, a commit, a truncation. */
export function testJournalKills(kills: number, seed: number): void {
  test(`${kills} times SIGKILL while the journal is written: no reading lost, none doubled`, async () => {
    const random = seededRandom(seed);
    const stateDir = temporaryDirectory();
    let nextMs = 0;
    for (let kill = 0; kill < kills; kill++) {
      const child = runScript(`${REPOSITORY}/test/support/journal-writer.ts`, [stateDir, String(nextMs)]);
      await child.printed(/\n/);
      await sleep(random() * 60);
      await child.end('SIGKILL');
      const acknowledged = printedLines(child).map(Number);
      const lastMs = acknowledged.at(-1) ?? nextMs;
      // Seen by a reader while nobody runs, and again after the next start has taken the tail over.
      const stored = readAll(stateDir).filter((reading) => reading.timeMs >= nextMs);
      expect(stored.filter((reading) => reading.timeMs <= lastMs)).toEqual(
        acknowledged.map((timeMs) => readingAt(timeMs)),
      );
      // One more may have been stored when the end came before its acknowledgement.
      nextMs = Math.max(lastMs, stored.at(-1)?.timeMs ?? 0) + 10;
    }
    const all = readAll(stateDir).map((reading) => reading.timeMs);
    expect(all).toEqual(Array.from({ length: all.length }, (_, i) => i * 10));
    expect(all.at(-1)).toBe(nextMs - 10);
  });
}

/** Kills the whole collector at a random moment after its start: opening, reading, appending, committing. */
export function testCollectorKills(kills: number, seed: number): void {
  test(`${kills} times SIGKILL of the collector: no reading lost, none doubled`, async () => {
    const random = seededRandom(seed);
    const directory = temporaryDirectory();
    const stateDir = join(directory, 'state');
    const configPath = join(directory, 'config.yaml');
    const meter = new VirtualMeter({ model: WE_515, load: restlessLoad(seed, 100), stepMs: 100 }, Date.now());
    const line = new PtyLine(join(directory, 'meter'), { slave: new Slave(new Map([[1, meter]])), random });
    onTestFinished(() => line.close());
    writeFileSync(
      configPath,
      JSON.stringify({
        stateDir,
        journal: { flushInterval: '1s' },
        meters: [
          {
            name: 'house',
            model: 'we-515',
            interval: '100ms',
            connection: { serial: line.linkPath, baudRate: 115200 },
          },
        ],
      }),
    );
    const acknowledged: Reading[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const child = runScript(`${REPOSITORY}/test/support/collector-child.ts`, [configPath]);
      // One kill in eight comes before the first reading.
      if (random() > 0.125) await child.printed(/\n/);
      await sleep(random() * 700);
      await child.end('SIGKILL');
      acknowledged.push(...printedLines(child).map((text) => JSON.parse(text) as Reading));
      expect(readAll(stateDir).slice(0, acknowledged.length).length).toBe(acknowledged.length);
    }
    const stored = readAll(stateDir);
    expect(new Set(stored.map((reading) => reading.timeMs)).size).toBe(stored.length);
    const byTime = new Map(stored.map((reading) => [reading.timeMs, reading]));
    for (const reading of acknowledged) expect(byTime.get(reading.timeMs)).toEqual(reading);
    expect(acknowledged.length).toBeGreaterThan(kills);
  });
}

/** The memory-backed tail is gone after a power cut: only what was appended since the last commit may be missing. */
export function testPowerCut(): void {
  test('a power cut loses at most what was appended since the last commit', async () => {
    const stateDir = temporaryDirectory();
    const child = runScript(`${REPOSITORY}/test/support/journal-writer.ts`, [stateDir, '0']);
    await child.printed(/\n/);
    await sleep(300);
    await child.end('SIGKILL');
    const reader = new JournalReader(stateDir);
    const runtime = reader.runtimeDirectory();
    reader.close();
    expect(runtime).toBeDefined();
    rmSync(runtime ?? '', { recursive: true });
    const acknowledged = printedLines(child).length;
    const stored = readAll(stateDir).map((reading) => reading.timeMs);
    expect(stored).toEqual(Array.from({ length: stored.length }, (_, i) => i * 10));
    // It commits each 3 ms and appends each 1 ms; a commit itself takes some.
    expect(acknowledged - stored.length).toBeLessThan(50);
    expect(stored.length).toBeGreaterThan(0);
  });
}
