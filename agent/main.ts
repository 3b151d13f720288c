import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addAzure } from './commands/azure.ts';
import { addBackup } from './commands/backup.ts';
import { addCollect } from './commands/collect.ts';
import { addConfig } from './commands/config.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEnergy } from './commands/energy.ts';
import { addForward } from './commands/forward.ts';
import { addHostMetrics } from './commands/host-metrics.ts';
import { addImport } from './commands/import.ts';
import { addInfluxdb } from './commands/influxdb.ts';
import { addJournal } from './commands/journal.ts';
import { addLive } from './commands/live.ts';
import { addMeter } from './commands/meter.ts';
import { addReadings } from './commands/readings.ts';
import { addRestore } from './commands/restore.ts';
import { addRestoreInfluxdb } from './commands/restore-influxdb.ts';
import { addSimulate } from './commands/simulate.ts';
import { addStatus } from './commands/status.ts';
import { AgentError, EXIT_CODES, errnoOf } from './system/errors.ts';

const EXIT_CODES_HELP = `
Exit codes:
   0  done, or ended on request (Ctrl-C, systemctl stop)
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

const COMMANDS = [
  addLive,
  addCollect,
  addReadings,
  addEnergy,
  addStatus,
  addDoctor,
  addJournal,
  addMeter,
  addInfluxdb,
  addForward,
  addImport,
  addBackup,
  addRestore,
  addRestoreInfluxdb,
  addAzure,
  addHostMetrics,
  addSimulate,
  addConfig,
];

function program(): Command {
  const root = new Command('energy-monitor')
    .description('Reads energy meters every second into a durable journal on this machine.')
    .version(packageJson.version)
    .addHelpText('after', EXIT_CODES_HELP)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'energy-monitor: ')) });
  for (const add of COMMANDS) add(root);
  for (const command of root.commands) command.exitOverride();
  return root;
}

/** Ends the process with one sentence for the person, and the exit code of the kind of failure. */
function fail(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_CODES.usage);
  if (error instanceof AgentError) {
    process.stderr.write(`energy-monitor: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
    process.exit(error.exitCode);
  }
  process.stderr.write(
    `energy-monitor: a defect, please report it: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(EXIT_CODES.internal);
}

// `energy-monitor readings | head` closes our output early: that is no failure.
process.stdout.on('error', (error) => (errnoOf(error) === 'EPIPE' ? process.exit(0) : fail(error)));

// A log that cannot be written (full disk, reader gone) must not end the collector.
process.stderr.on('error', () => {});

program().parseAsync().catch(fail);
