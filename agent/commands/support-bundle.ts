import type { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { configOption, stateDirOption } from './options.ts';

const HELP = `
It holds versions, the board, status, the configuration without its secrets, sizes, serial ports, units and their last log
lines. Call it with sudo: only then it knows all secrets, to look for them in the logs, and sees all logs.
`;

interface Options {
  config: string;
  stateDir?: string;
  add: string[];
}

export function addSupportBundle(root: Command): void {
  root
    .command('support-bundle')
    .description('write one file for a bug report, without secrets; look through it before you send it')
    .argument('[file]', 'a new one (default: energy-monitor-support-TIME.tar.gz in this directory)')
    .option(
      '--add <file>',
      'put this text in as well, such as what doctor --json has printed; can be repeated',
      collect,
      [],
    )
    .addOption(configOption())
    .addOption(stateDirOption())
    .addHelpText('after', HELP)
    .action(async (file: string | undefined, { config, stateDir, add }: Options) => {
      const { bundleText } = await import('../report/bundle/bundle.ts');
      const { makeBundle } = await import('../report/bundle/make.ts');
      const bundle = await makeBundle({ config, stateDir, version: packageJson.version, file, added: add });
      process.stdout.write(bundleText(bundle));
    });
}

const collect = (file: string, before: string[]): string[] => [...before, file];
