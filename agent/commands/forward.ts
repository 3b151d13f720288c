import type { Command } from 'commander';
import { AgentError } from '../system/errors.ts';
import { configOption, timeArgument } from './options.ts';

interface ForwardOptions {
  config: string;
  sink?: string;
  json?: boolean;
}

export function addForward(root: Command): void {
  const forward = root
    .command('forward')
    .description('look after the forwarding of readings to InfluxDB')
    .exitOverride();
  forward
    .command('status')
    .description('tell how far each server is, and what holds it up')
    .option('--json', 'for programs')
    .addOption(configOption())
    .action(async ({ config, json }: ForwardOptions) => {
      const { gatherForwarding, forwardingText } = await import('../forwarding/forward-report.ts');
      const { loadConfig } = await import('../config/load.ts');
      const report = gatherForwarding(loadConfig(config));
      process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : forwardingText(report, Date.now()));
    });
  forward
    .command('rewind <sink>')
    .description('send everything from a time on again; what is there already stays as it is')
    .requiredOption('--to <time>', 'such as 2026-11-21, "2026-11-21 12:00" or 2026-11-21T11:00:00Z', timeArgument)
    .addOption(configOption())
    .action(async (sink: string, { config, to }: ForwardOptions & { to: number }) => {
      const { rewind } = await import('../forwarding/maintenance.ts');
      const { loadConfig } = await import('../config/load.ts');
      rewind(loadConfig(config), sink, to);
      process.stdout.write(`${sink} gets everything from ${new Date(to).toISOString()} on again\n`);
    });
  addQuarantine(forward);
  for (const command of forward.commands) command.exitOverride();
}

function addQuarantine(forward: Command): void {
  const quarantine = forward
    .command('quarantine')
    .description('readings that a server refused for good; they stay in the journal')
    .exitOverride();
  quarantine
    .command('list')
    .description('print them with the reason')
    .option('--sink <name>', 'of this server only')
    .option('--json', 'for programs')
    .addOption(configOption())
    .action(async ({ config, sink, json }: ForwardOptions) => {
      const { listRefused, refusedText } = await import('../forwarding/maintenance.ts');
      const { loadConfig } = await import('../config/load.ts');
      const refused = listRefused(loadConfig(config), sink);
      process.stdout.write(json ? `${JSON.stringify(refused, undefined, 2)}\n` : refusedText(refused));
    });
  quarantine
    .command('retry')
    .description('send them once more, for instance after the server was mended')
    .option('--sink <name>', 'to this server only')
    .addOption(configOption())
    .action(async ({ config, sink }: ForwardOptions) => {
      const { retryRefused } = await import('../forwarding/maintenance.ts');
      const { loadConfig } = await import('../config/load.ts');
      const { taken, left, problem } = await retryRefused(loadConfig(config), sink);
      process.stdout.write(`${taken} taken, ${left} still in quarantine\n`);
      if (problem)
        throw new AgentError('unavailable', problem.message, { ...(problem.hint ? { hint: problem.hint } : {}) });
    });
  quarantine
    .command('drop')
    .description('forget them; the journal still has the readings')
    .option('--sink <name>', 'of this server only')
    .addOption(configOption())
    .action(async ({ config, sink }: ForwardOptions) => {
      const { dropRefused } = await import('../forwarding/maintenance.ts');
      const { loadConfig } = await import('../config/load.ts');
      process.stdout.write(`${dropRefused(loadConfig(config), sink)} dropped\n`);
    });
  for (const command of quarantine.commands) command.exitOverride();
}
