import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Pty } from '../../agent/simulator/pty.ts';
import { REPOSITORY } from '../support/child.ts';

/** A process in a session of its own, with the terminal or without any. */
function childWith(terminal: Pty | undefined) {
  const fd = terminal ? openSync(terminal.path, constants.O_RDWR | constants.O_NOCTTY) : 'ignore';
  const script = join(REPOSITORY, 'test/support/reload-child.ts');
  const ctty = terminal ? ['--ctty'] : [];
  const args = [...ctty, process.execPath, '--disable-warning=ExperimentalWarning', script];
  const child = spawn('setsid', args, { cwd: REPOSITORY, stdio: [fd, 'ignore', 'inherit', 'pipe'] });
  if (typeof fd === 'number') closeSync(fd);
  let said = '';
  child.stdio[3]?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  const says = (text: string) => expect.poll(() => said, { timeout: 10_000 }).toBe(text);
  return { child, says, ended };
}

test('SIGHUP asks for a reload, also before anybody listens; SIGTERM ends', async () => {
  const { child, says, ended } = childWith(undefined);
  await says('ready\n');
  child.kill('SIGHUP');
  await says('ready\nreload\n');
  child.kill('SIGHUP');
  await says('ready\nreload\nreload\n');
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('on a terminal SIGHUP asks for a reload as well, until the terminal is gone: that is the end', async () => {
  const terminal = Pty.open();
  onTestFinished(() => terminal.close());
  const { child, says, ended } = childWith(terminal);
  await says('ready\n');
  child.kill('SIGHUP');
  await says('ready\nreload\n');
  terminal.close();
  expect(await ended).toBe(0);
  await says('ready\nreload\nstop\n');
});
