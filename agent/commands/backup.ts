import { type Command, InvalidArgumentError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { EachStore } from '../backup/command.ts';
import { AgentError } from '../system/errors.ts';
import { configOption } from './options.ts';

interface BackupCommandOptions {
  config: string;
  store?: string;
  json?: boolean;
  all?: boolean;
  sample?: number;
  identityFile?: string;
  dryRun?: boolean;
  new?: boolean;
  adopt?: boolean;
  ifConfigured?: boolean;
  sink?: string;
  skipDamaged?: boolean;
  scratch?: string;
  influxd?: string;
}

const storeOption = () => new Option('--store <name>', 'only this store of the configuration');
const jsonOption = () => new Option('--json', 'for programs');
const identityOption = () => new Option('--identity-file <file>', 'the recovery key, to open what is encrypted');

const print = (text: string) => void process.stdout.write(text);
const printJson = (value: unknown) => print(`${JSON.stringify(value, undefined, 2)}\n`);

const shownError = ({ message, hint, code }: AgentError) => ({ message, hint: hint ?? null, code });

/** What came about is shown; then the first failure ends the command. */
function endEach<T>(each: EachStore<T>, json: boolean | undefined, text: (result: T) => string): void {
  const failures = each.failures.map(({ store, error }) => ({ store, ...shownError(error) }));
  if (json) printJson({ results: each.results, failures });
  else print(each.results.map(text).join('') + failures.map(({ store, message }) => `${store}: ${message}\n`).join(''));
  const [first] = each.failures;
  if (first) throw first.error;
}

export function addBackup(root: Command): void {
  const backup = root.command('backup').description('keep the journal in a second place, and prove it').exitOverride();
  backup
    .command('keygen')
    .description('make a recovery key: its public half goes into the configuration, the secret one to a safe place')
    .action(async () => {
      const { keygenText } = await import('../backup/keygen.ts');
      print(await keygenText());
    });
  addRun(backup);
  backup
    .command('list')
    .description('the backups that there are, the oldest first')
    .addOption(storeOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async ({ config, store, json }: BackupCommandOptions) => {
      const { configured } = await import('../backup/configured.ts');
      const { listConfigured } = await import('../backup/command.ts');
      const { listText } = await import('../backup/text.ts');
      const lists = await listConfigured(configured(config), store);
      endEach(lists, json, (list) => listText(list, lists.results.length + lists.failures.length > 1, Date.now()));
    });
  backup
    .command('show')
    .description('what is in a backup; its files only with the recovery key')
    .argument('[backup]', 'its number, or latest', 'latest')
    .addOption(storeOption())
    .addOption(identityOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async (which: string, { config, store, identityFile, json }: BackupCommandOptions) => {
      const { configured } = await import('../backup/configured.ts');
      const { showConfigured } = await import('../backup/command.ts');
      const { showText } = await import('../backup/text.ts');
      const shown = await showConfigured(configured(config), which, { store, identityFile });
      if (json) printJson(shown);
      else print(showText(shown));
    });
  addVerify(backup);
  addDrill(backup);
  backup
    .command('export')
    .description('write the InfluxDB 2 of a backup into a new directory, as the official influx restore takes it')
    .argument('<backup>', 'its number, or latest')
    .argument('<directory>', 'new, or empty')
    .option('--sink <name>', 'the server, as the configuration names it', 'influxdb')
    .option('--skip-damaged', 'leave out what is gone or damaged, and say so')
    .addOption(storeOption())
    .addOption(identityOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async (which: string, directory: string, options: BackupCommandOptions) => {
      const { configured } = await import('../backup/configured.ts');
      const { exportConfigured } = await import('../backup/restore/export.ts');
      const { exportText } = await import('../backup/restore/database-text.ts');
      const { config, store, identityFile, sink = 'influxdb', skipDamaged = false, json } = options;
      const where = { which, directory, store, identityFile, sink, skipDamaged };
      const exported = await exportConfigured(configured(config), where);
      if (json) printJson(exported);
      else print(exportText(exported, directory));
    });
  backup
    .command('prune')
    .description('let go of what the retention does not keep')
    .option('--dry-run', 'only tell what would go, and why')
    .addOption(storeOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async ({ config, store, dryRun = false, json }: BackupCommandOptions) => {
      const { configured } = await import('../backup/configured.ts');
      const { pruneConfigured } = await import('../backup/command.ts');
      const { pruneText } = await import('../backup/text.ts');
      const results = await pruneConfigured(configured(config), { store, dryRun });
      endEach(results, json, (result) => pruneText(result, dryRun));
    });
  backup
    .command('unlock')
    .description('after a run on another machine was cut off: let the next one in')
    .addOption(storeOption())
    .addOption(configOption())
    .action(async ({ config, store }: BackupCommandOptions) => {
      const { configured } = await import('../backup/configured.ts');
      const { unlockConfigured } = await import('../backup/command.ts');
      print(await unlockConfigured(configured(config), store));
    });
  for (const command of backup.commands) command.exitOverride();
}

function addRun(backup: Command): void {
  backup
    .command('run')
    .description('back up now, check what was written, and let go of what the retention does not keep')
    .option('--new', 'begin anew where there was another repository')
    .option('--adopt', 'go on with the repository of a machine that this one replaces')
    .option('--if-configured', 'for a timer: without a backup in the configuration there is nothing to do')
    .addOption(storeOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async ({ config, store, json, new: anew, adopt, ifConfigured = false }: BackupCommandOptions) => {
      const { configured, hasBackup } = await import('../backup/configured.ts');
      if (ifConfigured && !hasBackup(config)) {
        print(`${config} has no backup: nothing to do\n`);
        return;
      }
      const { runAll } = await import('../backup/run-all.ts');
      const { progressText, runText } = await import('../backup/text.ts');
      const { createLogger } = await import('../system/logging.ts');
      const { giveWay } = await import('../system/priority.ts');
      const { progressLine } = await import('../system/progress-line.ts');
      giveWay();
      const progress = progressLine(process.stderr);
      const onProgress: Parameters<typeof runAll>[1]['onProgress'] = (name, at) =>
        progress.show(progressText(name, at));
      const options = { agentVersion: packageJson.version, store, anew, adopt, log: createLogger(), onProgress };
      const runs = await runAll(configured(config), options).finally(() => progress.clear());
      if (json)
        printJson(runs.map(({ problem, ...run }) => ({ ...run, problem: problem ? shownError(problem) : null })));
      else print(runs.map((run) => runText(run, Date.now())).join(''));
      const failed = runs.find(({ problem }) => problem !== undefined);
      if (failed?.problem) throw failed.problem;
    });
}

function addVerify(backup: Command): void {
  backup
    .command('verify')
    .description('check that every backup is whole: each object is there, and a sample of them is read back')
    .option('--all', 'read back all of them')
    .option('--sample <percent>', 'how many of them, by chance', percentArgument, 2)
    .addOption(identityOption())
    .addOption(storeOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async ({ config, store, all, sample = 2, identityFile, json }: BackupCommandOptions) => {
      const { configured } = await import('../backup/configured.ts');
      const { verifyConfigured } = await import('../backup/command.ts');
      const { verifyText } = await import('../backup/text.ts');
      const { createLogger } = await import('../system/logging.ts');
      // A key is given to open what there is.
      const share = all || identityFile !== undefined ? 1 : sample / 100;
      const options = { store, share, identityFile, log: createLogger() };
      const results = await verifyConfigured(configured(config), options);
      const problems = results.results.reduce((count, result) => count + result.problems.length, 0);
      endEach(results, json, verifyText);
      if (problems > 0) throw new AgentError('storage', `${problems} problems were found`);
    });
}

function addDrill(backup: Command): void {
  backup
    .command('drill')
    .description('restore a backup on trial, compare it with what is live, and remove it again')
    .argument('[backup]', 'its number, or latest', 'latest')
    .option('--scratch <directory>', 'where there is room for the journal (default: the state directory)')
    .option('--influxd <program>', 'try InfluxDB 2 in a server of its own, not beside the live buckets')
    .addOption(new Option('--store <name>', 'this store (default: the one whose last drill is the oldest)'))
    .addOption(identityOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action(async (which: string, options: BackupCommandOptions) => {
      const { configured } = await import('../backup/configured.ts');
      const { drill } = await import('../backup/drill/drill.ts');
      const { drillText } = await import('../backup/drill/text.ts');
      const { createLogger } = await import('../system/logging.ts');
      const { giveWay } = await import('../system/priority.ts');
      const { progressLine } = await import('../system/progress-line.ts');
      const { Transfer } = await import('../system/transfer.ts');
      giveWay();
      const { config, store, identityFile, scratch, influxd, json } = options;
      const line = progressLine(process.stderr);
      const transfers = new Map<string, InstanceType<typeof Transfer>>();
      const report = await drill(configured(config), {
        ...{ which, store, identityFile, scratch, influxd, log: createLogger() },
        onProgress: (what, { unit, done, all }) => {
          const transfer = transfers.get(what) ?? new Transfer();
          transfers.set(what, transfer);
          line.show(`${what}: ${unit === 'bytes' ? transfer.text(done, all) : `${done} of ${all} ${unit}`}`);
        },
      }).finally(() => line.clear());
      if (json) printJson(report);
      else print(drillText(report));
      if (report.problems > 0) throw new AgentError('storage', `${report.problems} problems were found`);
    });
}

/** `2` or `2%` */
function percentArgument(text: string): number {
  const percent = Number(/^(\d+(?:\.\d+)?) ?%?$/.exec(text.trim())?.[1] ?? Number.NaN);
  if (!(percent >= 0 && percent <= 100)) throw new InvalidArgumentError('Use a share from 0 to 100, such as 2%.');
  return percent;
}
