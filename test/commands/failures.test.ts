import { spawn } from 'node:child_process';
import { fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY, runCommand } from '../support/child.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Standard error as systemd gives it to a service: JOURNAL_STREAM is what stands behind it. */
async function underJournald(args: string[], isTheStream = true): Promise<{ code: number | null; lines: string[] }> {
  const path = join(temporaryDirectory(), 'err');
  const fd = openSync(path, 'w');
  const { dev, ino } = fstatSync(fd);
  const env = { ...process.env, JOURNAL_STREAM: isTheStream ? `${dev}:${ino}` : '8:1' };
  const child = spawn(`${REPOSITORY}/agent/energy-monitor`, args, { env, stdio: ['ignore', 'ignore', fd] });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, lines: readFileSync(path, 'utf8').trimEnd().split('\n') };
}

test('why a unit does not start is an error to journald, in each line of it', async () => {
  const config = join(temporaryDirectory(), 'config.yaml');
  writeFileSync(config, 'meters: [{name: house, model: none}]\njournal: {retention: soon}\n');
  const { code, lines } = await underJournald(['collect', '--config', config]);
  expect(code).toBe(78);
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.filter((line) => !line.startsWith('<3>'))).toEqual([]);
  // A terminal or a file of somebody whose session has such a stream.
  const elsewhere = await underJournald(['collect', '--config', config], false);
  expect(elsewhere.lines).toEqual(lines.map((line) => line.replace('<3>', '')));
});

test('a defect in a timer ends as one in a command: with 70, its stack, and no secret', async () => {
  const thrower = `setInterval(() => { if (process.listenerCount('uncaughtException')) throw new Error('planted "https://a/c?sig=verysecret"'); }, 20)`;
  const { ended, errors } = runCommand(['simulate', '--tcp', '0'], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(thrower)}`,
  });
  expect(await ended).toBe(70);
  expect(errors()).toMatch(/a defect, please report it: Error: planted "https:\/\/a\/c\?sig=\*\*\*"\n {4}at /);
});
