import type { Evidence } from './evidence.ts';
import type { Searched } from './search.ts';
import type { Rule } from './verdict.ts';

const isSerial = ({ target }: Evidence) => target.kind === 'serial';
const nameOf = ({ target }: Evidence) => (target.kind === 'serial' ? target.path : `${target.host}:${target.port}`);

/** Every request was followed by 0x00 alone, or 0x00 came and came: the line idles the wrong way round. */
function idlesWrongWay({ quiet, kinds, attempts, counted }: Searched): boolean {
  const LEAST = 4;
  const breaks = kinds.breaks ?? 0;
  const isStream = quiet.zeros > 20 && quiet.zeros >= 0.95 * quiet.bytes;
  const isCounted = (counted?.breaks ?? 0) >= LEAST && (counted?.breaks ?? 0) >= 0.5 * attempts;
  return isStream || isCounted || (breaks >= LEAST && breaks >= 0.9 * attempts);
}

const broken = ({ kinds }: Searched) => (kinds.noise ?? 0) + (kinds.damaged ?? 0) + (kinds.truncated ?? 0);

const SWAP = 'swap the wires A and B at one end, and run doctor again: labels are no proof, makers name them both ways';
const POWER = 'look whether the meter has power: its display is lit';

const STOP_COLLECTOR = 'stop it while doctor runs: sudo systemctl stop energy-monitor-collector';
/** Programs that have serial ports on many machines. */
const OTHERS: Readonly<Record<string, string>> = {
  ModemManager: 'it opens each new port: sudo systemctl disable --now ModemManager',
  agetty: 'a console is on this port: sudo raspi-config, Interface Options, Serial Port, no login shell',
};

/** What can be wrong where no meter was found; the first that holds is told. */
export const LINE_RULES: readonly Rule[] = [
  {
    cause: 'no-permission',
    level: 'fault',
    seen: (evidence) =>
      evidence.adapter && evidence.adapter.access !== 'granted'
        ? `no permission to open ${nameOf(evidence)}, which belongs to the group ${evidence.adapter.access.group}`
        : undefined,
    remedies: ({ adapter }) => {
      const group = adapter && adapter.access !== 'granted' ? adapter.access.group : 'dialout';
      // Nobody should join root for a port; some drivers and rules leave it to root alone.
      if (group === 'root') {
        return [
          `give it to the group of serial ports, until it is plugged in again: sudo chgrp dialout ${adapter?.path} && sudo chmod g+rw ${adapter?.path}`,
          'or for good by a rule of udev, such as: KERNEL=="ttyUSB*", GROUP="dialout", MODE="0660"',
        ];
      }
      return [
        `put your user into the group, and log in again: sudo usermod -aG ${group} $USER`,
        `under systemd, write SupplementaryGroups=${group} into the unit`,
      ];
    },
  },
  {
    cause: 'port-busy',
    level: 'fault',
    seen: (evidence) => {
      if (!evidence.isHeld) return undefined;
      const holders = (evidence.adapter?.holders ?? []).map(({ pid, program, command }) =>
        command === undefined ? `${program} (process ${pid})` : `energy-monitor ${command} (process ${pid})`,
      );
      return `another program has ${nameOf(evidence)} open: ${holders.join(', ') || 'one that this user may not see'}`;
    },
    remedies: ({ adapter, target }) => {
      const holders = adapter?.holders ?? [];
      const collector = holders.find(({ command }) => command === 'collect' || command === 'live');
      const holder = collector ?? holders[0];
      if (collector) return [`${STOP_COLLECTOR}, or kill -INT ${collector.pid}`];
      if (holder) return [OTHERS[holder.program] ?? `end it, or wait for it: process ${holder.pid}`];
      const path = target.kind === 'serial' ? target.path : '';
      return [
        `who it is says: sudo fuser -v ${path}`,
        `if it is the collector, ${STOP_COLLECTOR}`,
        ...Object.entries(OTHERS).map(([program, remedy]) => `if it is ${program}, ${remedy}`),
      ];
    },
  },
  {
    cause: 'gateway-away',
    level: 'fault',
    seen: (evidence) => (isSerial(evidence) ? undefined : evidence.failure?.message),
    remedies: () => [
      'check address and port; Modbus TCP is mostly 502, transparent serial servers have ports of their own',
      'many gateways serve one client at a time: stop other programs that read this meter',
    ],
  },
  {
    cause: 'dead-adapter',
    level: 'fault',
    seen: (evidence) => {
      if (evidence.searched?.isStuck) return `the adapter ${nameOf(evidence)} takes no bytes: nothing goes out`;
      if (evidence.failure?.when === 'examining') return `the adapter failed in use: ${evidence.failure.message}`;
      const message = evidence.failure?.message ?? '';
      return /EIO|Input\/output|No such device|ENODEV|driver does not answer/i.test(message) ? message : undefined;
    },
    remedies: () => [
      'pull the adapter out and plug it in again, into another socket or a hub with its own power',
      'look for "disconnected" and "under-voltage" in: sudo dmesg | tail -50',
      'try another adapter',
    ],
  },
  {
    cause: 'port-missing',
    level: 'fault',
    seen: ({ failure }) => failure?.message,
    remedies: () => ['plug the adapter in, and run doctor without --port: it looks at each adapter that is there'],
  },
  {
    cause: 'swapped',
    level: 'fault',
    seen: ({ searched }) =>
      searched && idlesWrongWay(searched)
        ? 'the line idles the wrong way round: 0x00 comes whenever nobody sends. A and B are swapped, or shorted'
        : undefined,
    remedies: () => [SWAP, 'if that changes nothing, look for a short between A, B and ground', POWER],
  },
  {
    cause: 'collision',
    level: 'fault',
    seen: ({ searched }) => {
      const miss = searched?.nearMisses[0];
      if (!miss) return undefined;
      const { baudRate, parity } = miss.settings;
      return `something answers at ${baudRate} baud, parity ${parity}, unit ${miss.unit}, but each reply is damaged`;
    },
    remedies: () => [
      'leave one meter on the line: two of the same unit answer at once',
      'the wires are too long for the rate, or beside a mains cable: try with a metre of cable',
      'connect the ground (G, C) of meter and adapter',
    ],
  },
  {
    cause: 'other-master',
    level: 'fault',
    seen: ({ searched }) =>
      searched && searched.quiet.frames > 0
        ? `another program or device asks meters on this line (${searched.quiet.frames} frames in ${searched.quiet.ms} ms), and no meter answered us`
        : undefined,
    remedies: () => [
      'stop the other reader: a line has one master',
      'its meters have units of their own: name one with --unit',
    ],
  },
  {
    cause: 'noise',
    level: 'fault',
    seen: ({ searched }) => {
      const LEAST = 3;
      if (!searched || (searched.quiet.bytes < LEAST && broken(searched) < LEAST)) return undefined;
      return `no meter was found, and the line is noisy: ${searched.quiet.bytes} bytes out of nowhere in ${searched.quiet.ms} ms, ${broken(searched)} broken replies`;
    },
    remedies: () => [
      SWAP,
      'connect the ground (G, C), use a twisted pair, away from mains cables',
      POWER,
      'try another adapter: cheap ones lack the bias that keeps an idle line quiet',
    ],
  },
  {
    cause: 'no-answer',
    level: 'fault',
    seen: (evidence) => {
      const { searched } = evidence;
      if (!searched) return undefined;
      const { attempts, echoes, kinds, gatewayRefusals } = searched;
      const others = attempts - (kinds.silent ?? 0);
      if (gatewayRefusals > 0) {
        return `the gateway answers, but no meter behind it: ${attempts} requests, ${gatewayRefusals} times it says so`;
      }
      const echo = echoes > 0 ? ' (the adapter works: it hears itself)' : '';
      const came = others === 0 ? 'not one byte came back' : `${others} times something came that is no answer`;
      return `nothing answers${echo}: ${attempts} requests, ${came}`;
    },
    remedies: (evidence) =>
      isSerial(evidence)
        ? [
            POWER,
            SWAP,
            'check the screws, and that A and B go to the RS485 terminals of the meter (not S0)',
            `read unit and baud rate from the display of the meter, and name them: doctor --port ${nameOf(evidence)} --unit N --baud N`,
            'try all units at all settings, about 20 minutes: doctor --thorough',
          ]
        : [
            POWER,
            'check baud rate and parity in the settings of the gateway: those of the meter count',
            'check whether the gateway speaks Modbus TCP (--tcp) or passes RTU on (--rtu-over-tcp)',
            SWAP,
            'read the unit from the display of the meter, and name it with --unit; all 247 are tried with --thorough',
          ],
  },
];
