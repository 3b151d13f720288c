import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InfluxClient } from '../../influxdb/client.ts';
import { AgentError, messageOf } from '../../system/errors.ts';
import { heirIn } from '../../system/owner.ts';

const START_MS = 60_000;
const LOOK_EVERY_MS = 100;
const REQUEST_MS = 5000;
/**
 * Ends the program when standard input ends: however the drill ends, also killed, the kernel closes it. An influxd that
 * stayed would have the memory of a small Pi, and the room of files that are removed.
 */
const WATCHED = `exec 3<&0 </dev/null
"$0" "$@" 3<&- &
program=$!
{ cat <&3 >/dev/null; kill -KILL $program; } &
watch=$!
exec 3<&-
wait $program
code=$?
kill $watch
exit $code`;
/** sh(1) */
const NOT_THERE = 127;

/** An InfluxDB 2 of its own for a drill, on the loopback, with everything below one directory. */
export interface ScratchInfluxd {
  url: string;
  /** Its operator token. */
  token: string;
  stop(): Promise<void>;
}

/**
 * @param program such as `/usr/bin/influxd`
 * @param directory is made; its owner removes it
 * @throws AgentError when it cannot be started
 */
export async function startScratchInfluxd(program: string, directory: string): Promise<ScratchInfluxd> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Root's it would be more than it needs, and what it leaves when all is killed the next drill could not remove.
  const heir = heirIn(dirname(directory));
  if (heir) chownSync(directory, heir.uid, heir.gid);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [
    ['--bolt-path', join(directory, 'influxd.bolt')],
    ['--engine-path', join(directory, 'engine')],
    ['--sqlite-path', join(directory, 'influxd.sqlite')],
    ['--http-bind-address', `127.0.0.1:${port}`],
    ['--log-level', 'error'],
    ['--reporting-disabled'],
  ].flat();
  // It takes a config.yaml of the directory where it is started for its own.
  const env = { HOME: directory, PATH: process.env.PATH ?? '' };
  const command = program.includes('/') ? resolve(program) : program;
  const stdio: StdioOptions = ['pipe', 'ignore', 'ignore'];
  const child = spawn('/bin/sh', ['-c', WATCHED, command, ...args], { stdio, cwd: directory, env, ...heir });
  child.stdin?.on('error', () => {});
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => {});
  try {
    const token = await Promise.race([setUp(child, url), failed]);
    return { url, token, stop: () => stop(child) };
  } catch (error) {
    await stop(child);
    if (error instanceof AgentError) throw error;
    const reason = child.exitCode === NOT_THERE ? 'it is not there' : messageOf(error);
    throw new AgentError('config', `${program} cannot be started for a drill: ${reason}`, {
      hint: 'name the influxd of InfluxDB 2, or drill in the live server without --influxd',
    });
  }
}

async function setUp(child: ChildProcess, url: string): Promise<string> {
  const client = new InfluxClient({ url, token: undefined, ca: undefined });
  const token = randomBytes(48).toString('base64url');
  const body = {
    username: 'drill',
    password: randomBytes(24).toString('base64url'),
    org: 'drill',
    bucket: 'drill',
    token,
  };
  for (const lastMs = performance.now() + START_MS; performance.now() < lastMs; await sleep(LOOK_EVERY_MS)) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    try {
      const { status } = await client.request('/api/v2/setup', { method: 'POST', body, timeoutMs: REQUEST_MS });
      if (status === 201) return token;
    } catch {
      // It is not listening yet.
    }
  }
  throw new Error(`it did not answer within ${START_MS / 1000} s`);
}

/** What it has is thrown away. */
async function stop(child: ChildProcess): Promise<void> {
  const ended = child.exitCode === null && child.signalCode === null && child.pid !== undefined && once(child, 'exit');
  child.stdin?.destroy();
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address === 'object' && address) return address.port;
  throw new AgentError('unavailable', 'there is no free port for a drill');
}
