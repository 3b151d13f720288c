import type { Command } from 'commander';
import { configOption } from './options.ts';
import { fromPlace, type PlaceOptions, placeOf } from './restore-place.ts';

interface RestoreInfluxdbOptions extends PlaceOptions {
  sink: string;
  bucket?: string;
  toBucket?: string;
  swap?: boolean;
  full?: boolean;
  yes?: boolean;
  operatorTokenFile?: string;
  fromInfluxBackup?: string;
  skipDamaged?: boolean;
  leaveOutExpired?: boolean;
  json?: boolean;
}

export function addRestoreInfluxdb(root: Command): void {
  fromPlace(root.command('restore-influxdb'))
    .description('bring the database of a backup back: beside the live data, in their place, or as a whole')
    .argument('[backup]', 'its number, or latest', 'latest')
    .option('--from-influx-backup <dir>', 'instead of a backup of ours: what influx backup wrote')
    .option('--sink <name>', 'the server, as the configuration names it', 'influxdb')
    .option('--bucket <name>', 'only this bucket')
    .option('--to-bucket <name>', 'under this name (default: BUCKET-restored)')
    .option('--swap', 'let it take the place of the live one, which stays under another name, and make our tokens anew')
    .option('--full', 'instead replace everything in the server, users and tokens as well')
    .option('--yes', 'with --full: what is there goes')
    .option(
      '--operator-token-file <file>',
      'of the server as it is now, where it has another than that in the configuration',
    )
    .option('--leave-out-expired', 'VictoriaMetrics: go on without days that are older than what it keeps')
    .option('--skip-damaged', 'leave out what is gone or damaged, and say so')
    .option('--json', 'the result, for programs')
    .addOption(configOption())
    .action(async (which: string, options: RestoreInfluxdbOptions) => {
      const { loadConfig } = await import('../config/load.ts');
      const { databaseText } = await import('../backup/restore/database-text.ts');
      const { giveWay } = await import('../system/priority.ts');
      const { problemOf, runDatabaseRestore, shownReport } = await import('./restore-databases.ts');
      giveWay();
      const config = loadConfig(options.config);
      const influxBackup = options.fromInfluxBackup;
      const store = influxBackup === undefined ? (await placeOf(options)).store : undefined;
      const { config: configFile, sink, bucket, toBucket, swap = false, full, yes, skipDamaged = false } = options;
      const { identityFile, operatorTokenFile, leaveOutExpired, json } = options;
      const report = await runDatabaseRestore({
        ...{ config, configFile, store, influxBackup, which, identityFile, sink, bucket, toBucket },
        ...{ swap, full, yes, operatorTokenFile, skipDamaged, leaveOutExpired },
      });
      process.stdout.write(json ? `${JSON.stringify(shownReport(report), undefined, 2)}\n` : databaseText(report));
      const problem = problemOf(report);
      if (problem) throw problem;
    });
}
