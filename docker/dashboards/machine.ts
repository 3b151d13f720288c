import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { AGENT } from '../../agent/collector/agent-names.ts';
import { HOST as NAMES } from '../../agent/host/names.ts';
import { finished, frame, gapsAnnotation, HOST, METER, restartsAnnotation, ZONE } from './frame.ts';
import { MACHINE } from './machine-queries.ts';
import { UID } from './names.ts';
import { bars, curves, type Step, stat, states } from './panels.ts';

const SECONDS: readonly Step[] = [
  [null, 'green'],
  [60, 'orange'],
  [300, 'red'],
];
const AGE: readonly Step[] = [
  [null, 'green'],
  [26 * 3600, 'orange'],
  [72 * 3600, 'red'],
];

/** How the agent and its machine are, as far as the database knows. */
export function machine(): Dashboard {
  const dashboard = frame(UID.machine, 'Agent and Pi', 'The collector, the machine below it, and the backups')
    .time({ from: 'now-24h', to: 'now' })
    .refresh('1m')
    .withVariable(METER())
    .withVariable(HOST())
    .withVariable(ZONE())
    .annotation(gapsAnnotation())
    .annotation(restartsAnnotation())
    .withPanel(
      stat({
        title: 'Newest reading',
        description:
          'How old each meter’s newest reading is here. More than some 20 s: the meter is silent, or the way to this database is broken.',
        query: MACHINE.lag,
        unit: 's',
        decimals: 0,
        width: 8,
        height: 4,
        empty: 'no reading for a day',
        thresholds: SECONDS,
      }),
    )
    .withPanel(
      stat({
        title: 'Age of the last whole backup',
        description: 'Of each store. Backups that failed do not count.',
        query: MACHINE.backupAge,
        unit: 's',
        decimals: 0,
        width: 8,
        height: 4,
        empty: 'no backup for 90 days',
        thresholds: AGE,
      }),
    )
    .withPanel(
      stat({
        title: 'Restarts',
        description: 'How often systemd started each of the agent’s services anew within the range.',
        query: MACHINE.restarts,
        unit: 'none',
        decimals: 0,
        width: 8,
        height: 4,
        empty: 'no service known',
        thresholds: [
          [null, 'green'],
          [1, 'orange'],
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Duration of a sample',
        description: 'From the first request of a second to its last answer: mean and longest of each step.',
        query: MACHINE.latency,
        unit: 's',
        width: 12,
        height: 8,
        names: { mean: 'Mean', most: 'Longest' },
      }),
    )
    .withPanel(
      curves({
        title: 'Gaps by cause',
        description:
          'Seconds (or points of a longer interval) without a reading in each step, by what was wrong: timeout, crc, noise and so on.',
        query: MACHINE.gapCauses,
        unit: 'none',
        decimals: 0,
        width: 12,
        height: 8,
        empty: 'no gap',
      }),
    )
    .withPanel(
      curves({
        title: 'Servers behind the meters',
        description:
          'How far the slowest server was behind the newest reading: while one is away it grows, and what waits is in the journal.',
        query: MACHINE.forwardLag,
        unit: 's',
        decimals: 0,
        width: 12,
        height: 8,
        names: { [AGENT.lag]: 'Behind' },
      }),
    )
    .withPanel(
      curves({
        title: 'Journal',
        description: 'Size of the journal’s file with its write-ahead file.',
        query: MACHINE.journal,
        unit: 'bytes',
        width: 12,
        height: 8,
        names: { [AGENT.journal]: 'Journal' },
      }),
    )
    .withPanel(
      curves({
        title: 'Processor load',
        description: 'Of all cores together.',
        query: MACHINE.cpu,
        unit: 'percent',
        decimals: 0,
        width: 12,
        height: 8,
        fill: 10,
        names: { [NAMES.cpuLoad]: 'Load' },
      }),
    )
    .withPanel(
      curves({
        title: 'Processor temperature',
        description: 'Highest of each step. A Pi slows itself down from 80 °C on.',
        query: MACHINE.temperature,
        unit: 'celsius',
        decimals: 1,
        width: 12,
        height: 8,
        names: { [NAMES.cpuTemperature]: 'Temperature' },
        thresholds: [
          [null, 'green'],
          [70, 'orange'],
          [80, 'red'],
        ],
        limits: true,
      }),
    )
    .withPanel(
      states({
        title: 'Undervoltage and throttling',
        description: 'What the firmware of a Pi says; red: it is so. Undervoltage wants a better power supply.',
        query: MACHINE.throttling,
        unit: 'none',
        width: 12,
        height: 8,
        empty: 'not a Pi',
        names: {
          [NAMES.underVoltage]: 'Undervoltage',
          [NAMES.throttled]: 'Throttled',
          [NAMES.frequencyCapped]: 'Frequency capped',
          [NAMES.softTemperatureLimit]: 'Temperature limit',
        },
        thresholds: [
          [null, 'green'],
          [1, 'red'],
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Memory',
        description: 'Available is the kernel’s own estimate, caches included.',
        query: MACHINE.memory,
        unit: 'bytes',
        width: 12,
        height: 8,
        names: {
          [NAMES.memoryTotal]: 'Total',
          [NAMES.memoryAvailable]: 'Available',
          [NAMES.swapUsed]: 'Swap in use',
          [NAMES.collectorMemory]: 'Collector',
        },
      }),
    )
    .withPanel(
      curves({
        title: 'Disk',
        description: 'Of the file system that the journal is on.',
        query: MACHINE.disk,
        unit: 'bytes',
        width: 12,
        height: 8,
        names: { [NAMES.diskTotal]: 'Size', [NAMES.diskFree]: 'Free' },
      }),
    )
    .withPanel(
      bars({
        title: 'Written to the disk by day',
        description: 'By all programs together, for the wear of the card; the last 31 local days.',
        query: MACHINE.written,
        unit: 'bytes',
        decimals: 1,
        width: 12,
        height: 8,
        format: 'DD MMM',
        names: { written: 'Written' },
      }),
    )
    .withPanel(
      curves({
        title: 'Size of the backups',
        description: 'Of each store: what a backup holds, and what was sent for it.',
        query: MACHINE.backupSize,
        unit: 'bytes',
        width: 12,
        height: 8,
        empty: 'no backup in this range',
      }),
    );
  return finished(dashboard);
}
