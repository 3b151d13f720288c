import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { EXIT_CODES } from '../system/errors.ts';
import { configOption } from './options.ts';

export function addVerify(root: Command): void {
  root
    .command('verify')
    .description('prove, as a timer does each week, that the journal is sound and that a backup can be restored')
    .addOption(configOption())
    .action(async ({ config }: { config: string }) => {
      const { loadConfig } = await import('../config/load.ts');
      const { parts, left } = proofs(loadConfig(config));
      for (const line of left) process.stdout.write(`${line}\n`);
      for (const part of parts) {
        const code = await run([...part, '--config', config]);
        // What fails does not keep the others from being looked at; the first failure is the end's code.
        if (code !== 0 && !process.exitCode) process.exitCode = code;
      }
    });
}

/** The commands that prove something here, and why others are left out. */
function proofs({ backup }: Config): { parts: string[][]; left: string[] } {
  const journal = ['journal', 'check'];
  if (!backup) return { parts: [journal], left: ['no backup is configured: the journal alone is looked at'] };
  const sample = ['backup', 'verify'];
  const canOpen = backup.unencrypted || backup.drill !== undefined;
  if (!canOpen)
    return { parts: [journal, sample], left: ['no drill: it needs a key of its own (backup.drill, README)'] };
  return { parts: [journal, sample, ['backup', 'drill']], left: [] };
}

/** Each in a process of its own: none holds the memory of another. */
function run(args: string[]): Promise<number> {
  const [script = ''] = process.argv.slice(1);
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], { stdio: 'inherit' });
  return new Promise((resolve) => {
    child.once('error', () => resolve(EXIT_CODES.internal));
    child.once('exit', (code, signal) => {
      // Who is killed says nothing himself, as when memory runs out.
      if (signal) process.stderr.write(`energy-monitor: ${args.slice(0, 2).join(' ')} was ended by ${signal}\n`);
      resolve(code ?? EXIT_CODES.internal);
    });
  });
}
