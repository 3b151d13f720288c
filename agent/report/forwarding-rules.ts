import type { SinkReport } from '../forwarding/forward-report.ts';
import { MINUTE_MS, placeOption, type Rule } from './rule.ts';
import { age, many } from './words.ts';

const LAG_MS = 10 * MINUTE_MS;
/** The forwarding begins a moment after the collector. */
const BEGINNING_MS = 30_000;

/** How long the server has not what the journal has; 0 for one that is up to date. */
export function lagMs({ waiting, takenMs, live }: SinkReport, nowMs: number): number {
  const isCurrent = live !== undefined && !live.catchingUp && !live.problem;
  if (waiting === 0 || isCurrent) return 0;
  return takenMs === null ? Number.POSITIVE_INFINITY : Math.max(0, nowMs - takenMs);
}

export const waitingText = ({ waiting, counted }: SinkReport): string =>
  `${waiting}${waiting === counted ? ' or more' : ''} reading${waiting === 1 ? ' waits' : 's wait'}`;

/** What the servers of `influxdb` say. */
export const FORWARDING_RULES: readonly Rule[] = [
  {
    id: 'server-refuses',
    severity: 'warning',
    find: ({ servers }) =>
      servers.flatMap(({ name, live }) =>
        live?.problem?.kind === 'hold'
          ? [
              {
                message: `${name} refuses readings: ${live.problem.message}`,
                remedy:
                  live.problem.hint ?? 'the journal keeps them; correct the server or its part of the configuration',
              },
            ]
          : [],
      ),
  },
  {
    id: 'server-late',
    severity: 'warning',
    find: (facts) =>
      facts.servers.flatMap((server) => {
        const { name, live, takenMs } = server;
        const lag = lagMs(server, facts.nowMs);
        // That nobody sends, or the server refuses, is told by itself.
        if (!facts.running || !live || live.problem?.kind === 'hold' || lag <= LAG_MS) return [];
        const since = takenMs === null ? 'has nothing yet' : `is ${age(lag)} late`;
        const why = live.problem ? `: ${live.problem.message}` : ', and is being caught up with';
        return [
          {
            message: `${name} ${since}, ${waitingText(server)}${why}`,
            remedy: live.problem?.hint ?? 'wait: what is older goes first, in order; the journal keeps all of it',
          },
        ];
      }),
  },
  {
    id: 'forwarding-stopped',
    severity: 'warning',
    find: ({ running, collector, servers, nowMs }) => {
      if (!running || !collector || nowMs - collector.startedMs < BEGINNING_MS) return [];
      const silent = servers.filter(({ live, name }) => !live && !name.endsWith('/host')).map(({ name }) => name);
      if (silent.length === 0) return [];
      return [
        {
          message: `the collector runs, and sends nothing to ${silent.join(', ')}`,
          remedy: 'reload or restart it where the server is new in the configuration; else see its log',
        },
      ];
    },
  },
  {
    id: 'quarantine',
    severity: 'warning',
    find: (facts) =>
      facts.servers
        .filter(({ quarantined }) => quarantined > 0)
        .map(({ name, quarantined, live }) => ({
          message: `${name} has refused ${many(quarantined, 'reading')} for good${live?.lastRefusal ? `: ${live.lastRefusal}` : ''}`,
          remedy: `see why, then send them again or drop them: energy-monitor forward quarantine list ${placeOption(facts)}`,
        })),
  },
];
