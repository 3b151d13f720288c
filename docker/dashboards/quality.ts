import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { finished, frame, gapsAnnotation, METER, restartsAnnotation } from './frame.ts';
import { ROLLUP, UID } from './names.ts';
import { curves, list, type Step, stat } from './panels.ts';
import { columnNames, LIMITS, QUALITY } from './quality-queries.ts';

const TEN_DAYS = 'At most the last ten days of the range.';
const { voltage, frequency } = LIMITS;
const VOLTS: readonly Step[] = [
  [null, 'red'],
  [voltage.low, 'green'],
  [voltage.high, 'red'],
];
const HERTZ: readonly Step[] = [
  [null, 'red'],
  [frequency.low, 'green'],
  [frequency.high, 'red'],
];
const atLeast = (percent: number): readonly Step[] => [
  [null, 'red'],
  [percent, 'green'],
];

/** Whether the grid keeps its limits, and the readings are whole. */
export function quality(): Dashboard {
  const dashboard = frame(UID.quality, 'Power quality', 'Voltage, frequency and power against EN 50160; gaps')
    .time({ from: 'now-24h', to: 'now' })
    .refresh('1m')
    .withVariable(METER())
    .annotation(gapsAnnotation())
    .annotation(restartsAnnotation())
    .withPanel(
      stat({
        title: 'Voltage within ±10 %',
        description: `Share of 10-minute means from ${voltage.low} to ${voltage.high} V; EN 50160 asks for 95 % of a week. ${TEN_DAYS}`,
        query: QUALITY.voltageShare,
        unit: 'percent',
        decimals: 2,
        width: 8,
        height: 4,
        names: { share: 'within' },
        thresholds: atLeast(95),
      }),
    )
    .withPanel(
      stat({
        title: 'Lowest and highest 10-minute mean',
        description: `EN 50160: never below ${voltage.lowest} V nor above ${voltage.high} V. ${TEN_DAYS}`,
        query: QUALITY.voltageExtremes,
        unit: 'volt',
        decimals: 1,
        width: 8,
        height: 4,
        names: { lowest: 'Lowest', highest: 'Highest' },
        thresholds: [
          [null, 'red'],
          [voltage.lowest, 'green'],
          [voltage.high, 'red'],
        ],
      }),
    )
    .withPanel(
      stat({
        title: 'Frequency within ±1 %',
        description: `Share of minutes in which no single reading was beyond ${frequency.low} to ${frequency.high} Hz. EN 50160 asks for 99.5 % of a year’s means of 10 s: this is stricter. ${TEN_DAYS}`,
        query: QUALITY.frequencyShare,
        unit: 'percent',
        decimals: 2,
        width: 8,
        height: 4,
        names: { share: 'within' },
        thresholds: atLeast(99.5),
      }),
    )
    .withPanel(
      curves({
        title: 'Voltage',
        description: 'Mean, lowest and highest reading of each step, of each phase. Dashed: 230 V ±10 %.',
        query: QUALITY.voltage,
        names: columnNames('voltage', { '': 'Mean', [ROLLUP.least]: 'Lowest', [ROLLUP.most]: 'Highest' }),
        unit: 'volt',
        width: 24,
        height: 9,
        thresholds: VOLTS,
        limits: true,
      }),
    )
    .withPanel(
      curves({
        title: '10-minute means of the voltage',
        description: `What EN 50160 looks at, of each phase. ${TEN_DAYS}`,
        query: QUALITY.tenMinutes,
        names: columnNames('voltage', { '': '10-minute mean' }),
        unit: 'volt',
        width: 12,
        height: 8,
        thresholds: VOLTS,
        limits: true,
      }),
    )
    .withPanel(
      curves({
        title: 'Frequency',
        description: 'Mean, lowest and highest reading of each step. Dashed: 50 Hz ±1 %.',
        query: QUALITY.frequency,
        unit: 'hertz',
        decimals: 2,
        width: 12,
        height: 8,
        thresholds: HERTZ,
        limits: true,
        names: { mean: 'Mean', least: 'Lowest', most: 'Highest' },
      }),
    )
    .withPanel(
      curves({
        title: 'Active, reactive and apparent power',
        description: 'Means of each step: P in W, Q in var, S in VA.',
        query: QUALITY.powers,
        unit: 'none',
        width: 12,
        height: 8,
        names: { P: 'P (W)', Q: 'Q (var)', S: 'S (VA)' },
      }),
    )
    .withPanel(
      curves({
        title: 'Power factor',
        description: 'Mean of each step.',
        query: QUALITY.powerFactor,
        names: columnNames('power_factor', { '': 'Power factor' }),
        unit: 'none',
        decimals: 2,
        width: 12,
        height: 8,
      }),
    )
    .withPanel(
      curves({
        title: 'Current',
        description: 'Highest reading of each step.',
        query: QUALITY.current,
        names: columnNames('current', { '': 'Current', [ROLLUP.most]: 'Current' }),
        unit: 'amp',
        width: 12,
        height: 8,
      }),
    )
    .withPanel(
      curves({
        title: 'Readings per minute',
        description: `The minute with the fewest readings of each step: 60 of a meter that is read each second. Nothing: a gap. ${TEN_DAYS}`,
        query: QUALITY.readings,
        unit: 'none',
        decimals: 0,
        width: 12,
        height: 8,
        fill: 10,
        names: { readings: 'Readings' },
      }),
    )
    .withPanel(
      list({
        title: 'Gaps',
        description: `Whole minutes without a reading, the newest first. Their causes stay in the agent’s journal. ${TEN_DAYS}`,
        query: QUALITY.gaps,
        unit: 'none',
        width: 24,
        height: 8,
        empty: 'no gap',
        names: { _time: 'From', until: 'To', minutes: 'Minutes' },
      }),
    );
  return finished(dashboard);
}
