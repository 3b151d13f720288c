import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AGENT } from '../../agent/collector/agent-names.ts';
import { agentValues } from '../../agent/collector/agent-values.ts';
import { type CollectorStatus, type MeterStatus, publishStatus } from '../../agent/collector/status.ts';
import { type ForwardingStatus, statusPath } from '../../agent/forwarding/forward-status.ts';
import { newSinkStatus } from '../../agent/forwarding/sink-status.ts';
import { readingKey } from '../../agent/journal/keys.ts';
import { newLineStats } from '../../agent/modbus/line-stats.ts';
import { quantityKind } from '../../agent/readings/quantity.ts';
import { GAP_CAUSES } from '../../agent/readings/reading.ts';
import { open } from '../support/open-journal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const NOW = Date.UTC(2026, 10, 21, 11);

const meter = (name: string, gaps: MeterStatus['gaps'], timeMs: number): MeterStatus => ({
  name,
  model: 'we-515',
  line: '/dev/ttyUSB0',
  connected: true,
  problem: undefined,
  plan: [],
  good: 1,
  gaps,
  suspicious: 0,
  lastReading: { timeMs, values: {} },
  lastGap: undefined,
  lineStats: newLineStats(),
});

const STATUS: CollectorStatus = {
  pid: process.pid,
  startedMs: NOW - 3_600_000,
  updatedMs: NOW,
  clock: undefined,
  meters: [meter('house', { timeout: 3, crc: 1 }, NOW - 1000), meter('garage', { timeout: 2 }, NOW - 5000)],
};

/** What a host-metrics beside a collector with that status finds. */
function valuesBeside(status: CollectorStatus, sinks: [name: string, takenMs: number | undefined][], nowMs = NOW) {
  const stateDir = temporaryDirectory();
  const journal = open(stateDir);
  try {
    const end = publishStatus(journal.runtime, () => status);
    const forwarding: ForwardingStatus = {
      updatedMs: NOW,
      sinks: sinks.map(([name, takenMs]) => ({
        ...newSinkStatus({ name, target: 'http://a' }),
        position: { key: takenMs === undefined ? 0 : readingKey(takenMs, 1), late: 0 },
        // After a start nothing was sent yet; a reading that came late may be years old.
        lastTimeMs: name === 'cloud' ? undefined : NOW - 400 * 86_400_000,
      })),
    };
    writeFileSync(statusPath(journal.runtime.path), JSON.stringify(forwarding));
    const running = agentValues(stateDir, nowMs);
    end();
    return { running, stopped: agentValues(stateDir, nowMs) };
  } finally {
    journal.close();
  }
}

test('a running collector: its uptime, gaps by cause over all meters, the lag of the slowest server', () => {
  const { running } = valuesBeside(STATUS, [
    ['influxdb', NOW - 11_000],
    ['cloud', NOW - 61_000],
    // Machine metrics come once a minute: that is no lag.
    ['influxdb/host', NOW - 600_000],
    ['new', undefined],
  ]);
  expect(running[AGENT.uptime]).toBe(3600);
  expect(running[AGENT.lag]).toBe(60);
  expect(running[AGENT.journal]).toBeGreaterThan(0);
  const gaps = Object.fromEntries(GAP_CAUSES.map((cause) => [cause, running[`${AGENT.gaps}${cause}`]]));
  expect(gaps).toEqual({ ...Object.fromEntries(GAP_CAUSES.map((cause) => [cause, 0])), timeout: 5, crc: 1 });
});

test('without a server there is no lag; of a collector that ended or hangs only the journal is known', () => {
  const { running, stopped } = valuesBeside(STATUS, []);
  expect(running).not.toHaveProperty(AGENT.lag);
  expect(Object.keys(stopped)).toEqual([AGENT.journal]);
  expect(Object.keys(valuesBeside(STATUS, [], NOW + 600_000).running)).toEqual([AGENT.journal]);
});

test('what grows from the start on counts, the rest is of the moment', () => {
  expect(quantityKind(AGENT.uptime)).toBe('counter');
  for (const cause of GAP_CAUSES) expect(quantityKind(`${AGENT.gaps}${cause}`)).toBe('counter');
  expect(quantityKind(AGENT.lag)).toBe('gauge');
  expect(quantityKind(AGENT.journal)).toBe('gauge');
});
