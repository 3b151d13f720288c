import type { Command } from 'commander';

export function addWeb(root: Command): void {
  const web = root.command('web').description('set up the page on the LAN');
  web
    .command('password')
    .description('ask for a password, or read it from standard input, and print what to write into the configuration')
    .action(async () => {
      const { askPassword } = await import('../web/password-prompt.ts');
      const { hashPassword } = await import('../web/http/password.ts');
      const password = await askPassword(process.stdin, process.stderr);
      process.stdout.write(`web:\n  passwordHash: ${hashPassword(password)}\n`);
    });
}
