import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseServerUrl, SERVER_URL_HINT } from '../config/scalars.ts';
import type { TextFormat } from '../import/text-format.ts';
import { PRECISIONS, type Precision } from '../import/times.ts';
import { type Mapping, parseMapping, QUANTITY_NAMES_TEXT } from '../import/units.ts';
import { AgentError } from '../system/errors.ts';
import { configOption, stateDirOption, timeArgument, wholeNumberArgument } from './options.ts';

interface ImportOptions {
  config: string;
  stateDir?: string;
  fromInfluxdb?: string;
  org: string;
  bucket: string;
  tokenFile?: string;
  from?: number;
  to?: number;
  format: TextFormat;
  meter?: string;
  meterTag?: string;
  oneMeter?: boolean;
  model?: string;
  measurement: string;
  precision: Precision;
  map: Mapping;
  timeColumn?: string;
  timeZone?: string;
  fromSeed?: boolean;
  maxErrors: number;
  dryRun?: boolean;
  restart?: boolean;
}

const HELP = `
Readings that are in the journal already stay as they are: importing twice changes nothing. It can be ended at any
moment (Ctrl-C, power cut); the same command then goes on where it was. A running collector is not disturbed, and
forwards what was imported as well.

Examples:
  energy-monitor import history.lp --meter house --dry-run    look first: what is it, what would be new?
  energy-monitor import history.lp.gz --meter house --model we-515
  energy-monitor import readings.csv --meter house            of: energy-monitor readings --format csv
  energy-monitor import meter.csv --meter house --model we-515 --time-column Date --map "Power (kW)=active_power:1000"
  energy-monitor import meters.lp --meter-tag location --model we-515     one meter for each value of tag location
  energy-monitor import --from-influxdb http://localhost:8086 --token-file token --meter house
                                                              all of bucket energy, also of the Python energy-monitor
`;

/** Adds one `--map` to those before it. */
function mapArgument(text: string, before: Mapping): Mapping {
  const mapping = parseMapping(text);
  if (mapping) return { ...before, [mapping.column]: { quantity: mapping.quantity, factor: mapping.factor } };
  throw new InvalidArgumentError(
    `Write COLUMN=QUANTITY or COLUMN=QUANTITY:FACTOR, such as "Power (kW)=active_power:1000"; quantities are ${QUANTITY_NAMES_TEXT}.`,
  );
}

function timeZoneArgument(name: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name;
  } catch {
    throw new InvalidArgumentError('Write the name of a place in the IANA database, such as Europe/Berlin.');
  }
}

export function addImport(root: Command): void {
  root
    .command('import')
    .description('bring readings of files or of an InfluxDB into the journal')
    .argument('[file...]', 'line protocol or CSV, also packed as .gz; - is standard input')
    .option('--meter <name>', 'whose readings they are, where the data does not say')
    .option('--meter-tag <name>', 'tag, or column of CSV, with the name of the meter (default: meter)')
    .option('--one-meter', 'all are of one meter, also where tags differ that say neither meter nor model')
    .option('--model <name>', 'its model, where the data does not say and the journal does not know')
    .addOption(new Option('--format <name>', 'of the files').choices(['auto', 'line', 'csv']).default('auto'))
    .addOption(new Option('--precision <unit>', 'of timestamps in line protocol').choices(PRECISIONS).default('auto'))
    .option('--map <column=quantity:factor>', 'what a column or field is, in our units; repeatable', mapArgument, {})
    .option('--time-column <name>', 'of CSV: ISO 8601, or seconds or ms since 1970 (default: time)')
    .option('--time-zone <name>', 'of times in CSV that name none, such as Europe/Berlin', timeZoneArgument)
    .option('--measurement <name>', 'of line protocol or InfluxDB', 'energy')
    .option('--from-seed', 'units of the Python energy-monitor: mA and Wh (default: told by its field power_factory)')
    .option('--no-from-seed', 'our units: A and kWh')
    .option('--from-influxdb <url>', 'of this InfluxDB instead of files, such as http://localhost:8086')
    .option('--org <name>', 'its organisation', 'home')
    .option('--bucket <name>', 'its bucket', 'energy')
    .option('--token-file <file>', 'file with a token that may read it')
    .option('--from <time>', 'of the database: from this time on (default: its first point)', timeArgument)
    .option('--to <time>', 'of the database: until before this time (default: now)', timeArgument)
    .option('--max-errors <n>', 'end when more records are invalid', wholeNumberArgument(0, 1e9), 100)
    .option('--dry-run', 'tell what would be done, change nothing')
    .option('--restart', 'begin anew instead of going on where an import was cut off')
    .addOption(configOption())
    .addOption(stateDirOption())
    .addHelpText('after', HELP)
    .action(async (files: string[], options: ImportOptions) => {
      const { loadConfig } = await import('../config/load.ts');
      const { runImport } = await import('../import/run.ts');
      const { stopRequested } = await import('../system/stop-signal.ts');
      const config = options.stateDir === undefined ? loadConfig(options.config) : undefined;
      const sources = await sourcesOf(files, options);
      const stop = new AbortController();
      void stopRequested().then(() => stop.abort());
      const {
        meter,
        model,
        meterTag,
        oneMeter,
        measurement,
        map,
        maxErrors,
        dryRun = false,
        restart = false,
      } = options;
      await runImport({
        stateDir: options.stateDir ?? config?.stateDir ?? '',
        sources,
        meaning: { meter, model, meterTag, oneMeter, measurement, mapping: map },
        unitsAreSaid: options.fromSeed !== undefined,
        maxErrors,
        retentionMs: config?.journal.retention,
        maxBytes: config?.journal.maxSize,
        dryRun,
        restart,
        screen: process.stderr,
        print: (text) => process.stdout.write(text),
        signal: stop.signal,
      });
    });
}

async function sourcesOf(files: readonly string[], options: ImportOptions) {
  if (options.fromInfluxdb === undefined) {
    if (files.length === 0) {
      throw new AgentError('usage', 'there is nothing to import', {
        hint: 'name files, or a database with --from-influxdb; energy-monitor import --help has examples',
      });
    }
    const { textSource } = await import('../import/text-source.ts');
    const { format, precision, measurement, map: mapping, timeColumn, timeZone, meterTag, fromSeed } = options;
    const said = { format, precision, measurement, mapping, timeColumn, timeZone, meterTag, fromSeed };
    return files.map((file) => (signal: AbortSignal) => textSource(file, said, signal));
  }
  if (files.length > 0) throw new AgentError('usage', 'files and --from-influxdb exclude each other; keep one');
  const { influxSource } = await import('../import/influx-source.ts');
  const { requirePrivateFile } = await import('../system/private-file.ts');
  const { org, bucket, measurement, tokenFile, from, to, fromSeed } = options;
  const token = tokenFile === undefined ? undefined : requirePrivateFile(resolve(tokenFile));
  const address = { url: serverUrl(options.fromInfluxdb), token };
  // Over the line of progress, which a terminal shows in place.
  const say = (text: string) => void process.stderr.write(`${process.stderr.isTTY ? '\r\u001b[K' : ''}${text}\n`);
  const said = { address, org, bucket, measurement, fromMs: from, toMs: to, fromSeed, say };
  return [(signal: AbortSignal) => influxSource({ ...said, signal })];
}

function serverUrl(text: string): string {
  const url = parseServerUrl(text);
  if (url !== undefined) return url;
  throw new AgentError('usage', 'the URL of --from-influxdb is not one of a server', { hint: SERVER_URL_HINT });
}
