import type { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { EXIT_CODES } from '../system/errors.ts';
import { configOption, stateDirOption } from './options.ts';

const EXIT_CODES_HELP = `
Exit codes, as checks of Nagios and its like read them:
   0  all is well
  ${String(EXIT_CODES.warning).padStart(2)}  something needs a person; no reading is lost yet
  ${String(EXIT_CODES.critical).padStart(2)}  readings are lost as long as it lasts
  ${EXIT_CODES.storage}  there is no journal, or it cannot be read
  ${EXIT_CODES.permission}  no right to read the configuration or the journal (sudo)
  ${EXIT_CODES.config}  the configuration is not there, or its mistakes hide where the journal is

The first line says it in short; --json has all facts, and "problems": a list of id, severity, message, remedy.
`;

export function addStatus(root: Command): void {
  root
    .command('status')
    .description(
      'tell how everything is: meters, gaps, journal, servers, backups, machine; each problem with what to do',
    )
    .option('--json', 'for programs')
    .addOption(configOption())
    .addOption(stateDirOption())
    .addHelpText('after', EXIT_CODES_HELP)
    .action(async (options: { config: string; stateDir?: string; json?: boolean }) => {
      const { askedBy } = await import('../report/asked.ts');
      const { gatherFacts } = await import('../report/gather.ts');
      const { exitCodeOf, problemsIn } = await import('../report/problems.ts');
      const facts = await gatherFacts({ ...askedBy(options), version: packageJson.version });
      const { scrub } = await import('../system/scrub.ts');
      const problems = problemsIn(facts);
      process.exitCode = exitCodeOf(facts, problems);
      if (options.json) process.stdout.write(scrub(`${JSON.stringify({ ...facts, problems }, undefined, 2)}\n`));
      else {
        const { statusText } = await import('../report/text.ts');
        process.stdout.write(scrub(statusText(facts, problems)));
      }
    });
}
