import type { MeterStatus } from '../collector/status.ts';
import type { GapCause } from '../readings/reading.ts';
import { type MeterDay, missedPoints } from './meter-day.ts';
import { HOUR_MS, isInstalled, MINUTE_MS, type Rule } from './rule.ts';
import { COLLECTOR_UNIT } from './units.ts';
import { age, percent } from './words.ts';

/** The collector says how it is each second; where it has only the card for that, each minute. */
const STUCK_MS = 3 * MINUTE_MS;
const OLD_MS = 10_000;
const OLD_INTERVALS = 5;
const MOST_MISSED = 0.01;
/** Soon after midnight a single second is more than a hundredth. */
const LEAST_SPAN_MS = HOUR_MS;

const LOGS = `journalctl -u ${COLLECTOR_UNIT} -n 50`;

/** What is to be done about most of the gaps. */
const GAP_REMEDIES: Readonly<Record<GapCause, string>> = {
  timeout:
    'check the power of the meter, the wires A and B and the termination: energy-monitor doctor measures the line',
  crc: 'replies are damaged on the line: check wires, termination and other devices; energy-monitor doctor measures it',
  exception:
    'the meter refuses what it is asked: is the model of the configuration the right one? (energy-monitor doctor)',
  noise: 'there are bytes on the line that are no reply: is there a second master? energy-monitor doctor looks for it',
  disconnected: 'the adapter or the gateway was away: check its plug, its cable and its power',
  implausible: 'the meter gave values that contradict each other: is the model of the configuration the right one?',
  busy: 'the line has no time for all of its meters: read some of them less often (interval, intervals), or raise the baud rate',
  stalled: 'this machine was too busy to read in time: see what else runs on it (top), and whether its card is slow',
  stopped: 'nobody read meanwhile: see in the log why the collector was not running',
  clock: 'the clock of this machine was set meanwhile: nothing is to be done, unless it happens again',
  internal: `see the log: ${LOGS}`,
};

export const COLLECTING_RULES: readonly Rule[] = [
  {
    id: 'collector-stopped',
    severity: 'critical',
    find: (facts) =>
      facts.running || facts.isUnseen
        ? []
        : [
            {
              message: 'the collector is not running: nothing is read',
              remedy: isInstalled(facts)
                ? `start it: sudo systemctl start ${COLLECTOR_UNIT}; why it ended: ${LOGS}`
                : `start it: energy-monitor collect --config ${facts.expected?.file ?? 'FILE'}`,
            },
          ],
  },
  {
    id: 'collector-unseen',
    severity: 'warning',
    find: ({ isUnseen, units }) =>
      isUnseen
        ? [
            {
              message: 'somebody writes to the journal, and does not say how it goes',
              remedy: units
                ? 'wait a moment: it may be starting; else call this with sudo, or as a member of the group energy-monitor'
                : 'wait a moment: it may be starting; else call this as the user who runs the collector',
            },
          ]
        : [],
  },
  {
    id: 'collector-stuck',
    severity: 'critical',
    find: (facts) => {
      const { running, collector, nowMs } = facts;
      if (!running || !collector || nowMs - collector.updatedMs <= STUCK_MS) return [];
      return [
        {
          message: `the collector has said nothing for ${age(nowMs - collector.updatedMs)} (process ${collector.pid})`,
          remedy: isInstalled(facts)
            ? `start it anew: sudo systemctl restart ${COLLECTOR_UNIT}; what it last did: ${LOGS}`
            : 'end that process, and start the collector again',
        },
      ];
    },
  },
  {
    id: 'reading-old',
    severity: 'critical',
    find: ({ running, collector, meters, nowMs }) => {
      if (!running || !collector) return [];
      return meters.flatMap((meter) => {
        const status = collector.meters.find(({ name }) => name === meter.name);
        // That nobody asks it is told by itself, and its wires are not to blame.
        if (!status) return [];
        const sinceMs = Math.max(meter.last?.timeMs ?? 0, collector.startedMs);
        if (nowMs - sinceMs <= Math.max(OLD_MS, OLD_INTERVALS * meter.intervalMs)) return [];
        const old = meter.last
          ? `for ${age(nowMs - meter.last.timeMs)}`
          : `since its start ${age(nowMs - sinceMs)} ago`;
        return [{ message: `${meter.name} gives no reading ${old}${because(status)}`, remedy: silenceRemedy(status) }];
      });
    },
  },
  {
    id: 'meter-not-read',
    severity: 'warning',
    find: (facts) => {
      const { running, collector, expected, meters } = facts;
      if (!running || !collector || !expected) return [];
      const read = new Set(collector.meters.map(({ name }) => name));
      return meters
        .filter(({ name }) => !read.has(name))
        .map(({ name }) => ({
          message: `${name} stands in ${expected.file ?? 'the configuration'}, and the running collector does not read it`,
          remedy: isInstalled(facts)
            ? `let it read its configuration again: sudo systemctl reload ${COLLECTOR_UNIT}`
            : `let it read its configuration again: kill -HUP ${collector.pid}`,
        }));
    },
  },
  {
    id: 'gaps',
    severity: 'warning',
    find: ({ meters, nowMs }) =>
      meters.flatMap((meter) => {
        const missed = missedPoints(meter);
        const span = Math.max(nowMs - meter.fromMs, LEAST_SPAN_MS);
        if (missed * meter.intervalMs <= MOST_MISSED * span) return [];
        return [
          {
            message: `${meter.name} lacks ${percent(Math.min(1, missed / Math.max(1, meter.points)))} of its readings today: ${causesText(meter)}`,
            remedy: GAP_REMEDIES[mainCause(meter)],
          },
        ];
      }),
  },
  {
    id: 'reload-failed',
    severity: 'warning',
    find: ({ running, collector, nowMs, expected }) => {
      const { reload } = (running && collector) || {};
      if (reload?.problem === undefined) return [];
      return [
        {
          message: `the configuration was read again ${age(nowMs - reload.timeMs)} ago and stays as it was: ${reload.problem}`,
          remedy: `correct what this names, and reload again: energy-monitor config check --config ${expected?.file ?? 'FILE'}`,
        },
      ];
    },
  },
  {
    id: 'config-mistakes',
    severity: 'warning',
    find: ({ configProblem }) =>
      configProblem
        ? [
            {
              message: configProblem.message,
              remedy:
                configProblem.hint ??
                'correct it before the next start: energy-monitor config check names all mistakes',
            },
          ]
        : [],
  },
];

/** Why, as the collector has it. */
function because(status: MeterStatus): string {
  const reason = status.problem?.message ?? status.lastGap?.message;
  return reason === undefined ? '' : `: ${reason}`;
}

function silenceRemedy(status: MeterStatus): string {
  return status.problem?.hint ?? GAP_REMEDIES[status.lastGap?.cause ?? 'timeout'];
}

function causesOf({ missed }: MeterDay): [GapCause, number][] {
  return (Object.entries(missed) as [GapCause, number][]).sort(([, one], [, other]) => other - one);
}

/** `120 timeout, 3 crc`, the most first. */
export const causesText = (meter: MeterDay): string =>
  causesOf(meter)
    .map(([cause, count]) => `${count} ${cause}`)
    .join(', ');

const mainCause = (meter: MeterDay): GapCause => causesOf(meter)[0]?.[0] ?? 'internal';
