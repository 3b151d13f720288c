import { fstatSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { AgentError, EXIT_CODES, errnoOf } from './system/errors.ts';
import { scrub } from './system/scrub.ts';

const EXIT_CODES_HELP = `
Exit codes:
   0  done, or ended on request (Ctrl-C, systemctl stop); of status: all is well
   ${EXIT_CODES.warning}  status: something needs a person
   ${EXIT_CODES.critical}  status: readings are lost as long as it lasts
  ${EXIT_CODES.usage}  the command line is wrong
  ${EXIT_CODES.unavailable}  a port, host or program that is needed is not there; a backup lacks a server
  ${EXIT_CODES.internal}  a defect in energy-monitor
  ${EXIT_CODES.ignored}  a meter confirmed what was written to it, and has not taken it over
  ${EXIT_CODES.storage}  the journal or a backup cannot be read or written, or is damaged
  ${EXIT_CODES.locked}  another collector already uses this state directory, another backup is running
  ${EXIT_CODES.refused}  a meter refused what was written to it
  ${EXIT_CODES.permission}  a right is missing, or a credential has ended
  ${EXIT_CODES.config}  the configuration, a register table or a tariff file has mistakes
  ${EXIT_CODES.partial}  only a part of what belongs together was written to a meter

First steps:
  energy-monitor live                          try it with a virtual meter, no hardware needed
  energy-monitor doctor                        find your meter, and what is wrong with its line
  energy-monitor live --serial /dev/ttyUSB0    read your meter live
  energy-monitor config example > config.yaml  a configuration to start from
  energy-monitor collect --config config.yaml  collect for good
`;

/** In the order of the help. Each module takes a start a millisecond, and a collector memory for as long as it runs. */
const COMMANDS: Readonly<Record<string, () => Promise<(root: Command) => void>>> = {
  live: async () => (await import('./commands/live.ts')).addLive,
  collect: async () => (await import('./commands/collect.ts')).addCollect,
  readings: async () => (await import('./commands/readings.ts')).addReadings,
  energy: async () => (await import('./commands/energy.ts')).addEnergy,
  status: async () => (await import('./commands/status.ts')).addStatus,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor,
  journal: async () => (await import('./commands/journal.ts')).addJournal,
  meter: async () => (await import('./commands/meter.ts')).addMeter,
  influxdb: async () => (await import('./commands/influxdb.ts')).addInfluxdb,
  forward: async () => (await import('./commands/forward.ts')).addForward,
  import: async () => (await import('./commands/import.ts')).addImport,
  backup: async () => (await import('./commands/backup.ts')).addBackup,
  restore: async () => (await import('./commands/restore.ts')).addRestore,
  'restore-influxdb': async () => (await import('./commands/restore-influxdb.ts')).addRestoreInfluxdb,
  verify: async () => (await import('./commands/verify.ts')).addVerify,
  azure: async () => (await import('./commands/azure.ts')).addAzure,
  'host-metrics': async () => (await import('./commands/host-metrics.ts')).addHostMetrics,
  'support-bundle': async () => (await import('./commands/support-bundle.ts')).addSupportBundle,
  simulate: async () => (await import('./commands/simulate.ts')).addSimulate,
  config: async () => (await import('./commands/config.ts')).addConfig,
  web: async () => (await import('./commands/web.ts')).addWeb,
};

/** @param called the command that is asked for; where there is no such one, all of them are there to help */
async function program(called: string | undefined): Promise<Command> {
  const root = new Command('energy-monitor')
    .description('Reads energy meters every second into a durable journal on this machine.')
    .version(packageJson.version)
    .addHelpText('after', EXIT_CODES_HELP)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'energy-monitor: ')) });
  const only = called !== undefined && Object.hasOwn(COMMANDS, called) ? COMMANDS[called] : undefined;
  for (const load of only ? [only] : Object.values(COMMANDS)) (await load())(root);
  for (const command of root.commands) command.exitOverride();
  return root;
}

/** journald takes the priority from the prefix of each line (sd-daemon(3)), and says so of the stream (systemd.exec(5)). */
function complain(text: string): void {
  let stream: string | undefined;
  try {
    const { dev, ino } = fstatSync(process.stderr.fd);
    stream = `${dev}:${ino}`;
  } catch {
    // Nobody hears it.
  }
  const clean = scrub(text);
  process.stderr.write(stream === process.env.JOURNAL_STREAM ? clean.replace(/^(?=.)/gm, '<3>') : clean);
}

/** Ends the process with one sentence for the person, and the exit code of the kind of failure. */
function fail(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_CODES.usage);
  if (error instanceof AgentError) {
    complain(`energy-monitor: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
    process.exit(error.exitCode);
  }
  complain(`energy-monitor: a defect, please report it: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(EXIT_CODES.internal);
}

// `energy-monitor readings | head` closes our output early: that is no failure.
process.stdout.on('error', (error) => (errnoOf(error) === 'EPIPE' ? process.exit(0) : fail(error)));

// A log that cannot be written (full disk, reader gone) must not end the collector.
process.stderr.on('error', () => {});

// From a timer or an event: the same as from a command.
process.on('uncaughtException', fail);

program(process.argv[2])
  .then((root) => root.parseAsync())
  .catch(fail);
