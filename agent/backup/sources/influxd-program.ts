import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { AgentError, errnoOf } from '../../system/errors.ts';

export interface InfluxdOptions {
  /** influxd of InfluxDB 1.x; a name without a slash is looked for in PATH. */
  program: string;
  /** Where the server's RPC listens: `bind-address` of influxdb.conf, which knows no password. */
  host: string;
  port: number;
  /** Without a sign of progress for so long it is given up. */
  silenceMs: number;
}

const OUTPUT_KEPT = 4000;
/** influxd itself would go on for eight minutes, and says so each time. */
const ENOUGH_RETRIES = /retrying \([2-9]\)/;

/**
 * Makes sure that the program is an influxd of 1.x and that something listens where it will ask.
 * @returns the version as the program tells it
 * @throws AgentError
 */
export async function checkInfluxd(options: InfluxdOptions): Promise<string> {
  const { program } = options;
  const { code, output } = await runInfluxd(options, ['version']);
  const version = /^InfluxDB v?(\S+)/m.exec(output)?.[1];
  if (code !== 0 || version === undefined) {
    throw new AgentError('config', `${program} is no influxd`, { hint: INSTALL_HINT });
  }
  if (/^[2-9]/.test(version)) {
    throw new AgentError('config', `${program} is that of InfluxDB ${version}, which knows no InfluxDB 1.8`, {
      hint: 'name the influxd of 1.8, or use what is for an InfluxDB 2 if the server is one',
    });
  }
  await listens(options);
  return version;
}

/**
 * `influxd backup -portable` into a directory.
 * @param choice which database, shard, files: no secrets, others see them in the list of processes
 * @throws AgentError
 */
export async function backupInto(directory: string, choice: readonly string[], options: InfluxdOptions): Promise<void> {
  const { host, port } = options;
  const args = ['backup', '-portable', '-host', `${host}:${port}`, ...choice, directory];
  const { code, output } = await runInfluxd(options, args, directory);
  if (code === 0) return;
  // A server that is stopped closes its connections as well.
  await listens(options);
  throw failureOf(output, options);
}

const INSTALL_HINT =
  'install the package influxdb of 1.8 here, or name its influxd with its path; the server may be another machine';

export interface Outcome {
  /** Undefined: it was ended for its retries. */
  code: number | undefined;
  output: string;
}

/** @param directory whose growth is a sign of life */
export function runInfluxd(options: InfluxdOptions, args: readonly string[], directory?: string): Promise<Outcome> {
  const { program, silenceMs } = options;
  return new Promise((resolve, reject) => {
    // The agent's environment may hold secrets, which are none of its business.
    const env = { PATH: process.env.PATH };
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let output = '';
    let failed: AgentError | undefined;
    let isEnded = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-OUTPUT_KEPT);
        if (!ENOUGH_RETRIES.test(output)) return;
        isEnded = true;
        child.kill('SIGKILL');
      });
    }
    const signs = () => `${output.length} ${output.slice(-80)} ${directory === undefined ? 0 : bytesIn(directory)}`;
    let last = signs();
    let silentMs = 0;
    const stepMs = silenceMs / 4;
    const timer = setInterval(() => {
      const now = signs();
      silentMs = now === last ? silentMs + stepMs : 0;
      last = now;
      if (silentMs < silenceMs) return;
      failed = new AgentError('unavailable', `${program} has stood still for ${silenceMs / 1000} s`, {
        retryable: true,
        hint: 'the server is busy or does not answer; see its log',
      });
      child.kill('SIGKILL');
    }, stepMs);
    const settle = (action: () => void) => {
      clearInterval(timer);
      action();
    };
    child.once('error', (error) => settle(() => reject(notStarted(program, error))));
    child.once('close', (code) =>
      settle(() => (failed ? reject(failed) : resolve({ code: isEnded ? undefined : (code ?? undefined), output }))),
    );
  });
}

function notStarted(program: string, error: Error): AgentError {
  const reason =
    errnoOf(error) === 'ENOENT'
      ? 'is not here'
      : errnoOf(error) === 'EACCES'
        ? 'may not be started'
        : `cannot be started: ${error.message}`;
  return new AgentError('config', `the program ${program}, which backs up and restores InfluxDB 1.8, ${reason}`, {
    hint: INSTALL_HINT,
    cause: error,
  });
}

function failureOf(output: string, { host, port }: InfluxdOptions): AgentError {
  const where = `${host}:${port}`;
  if (/invalid metadata/i.test(output)) {
    return new AgentError('config', `what answers at ${where} is not the RPC of an InfluxDB 1.x`, {
      hint: "it is bind-address in influxdb.conf, port 8088 by default, not the port of the server's url",
    });
  }
  // The server closes the connection to a question about what it does not have.
  const database = /backing up db=(\S+)\s[^\n]*backup failed: EOF/.exec(output)?.[1];
  if (database !== undefined) {
    return new AgentError('config', `the InfluxDB at ${where} has no database ${database}`, {
      hint: 'check the name of the bucket; SHOW DATABASES lists them',
    });
  }
  if (/no space left on device/.test(output)) {
    return new AgentError('storage', 'there is no room for what influxd backup writes', {
      hint: 'make room on the disk of the state directory, or on that of the server',
    });
  }
  const lines = output.trim().split('\n');
  const said = (lines.at(-1) ?? '').replace(/^[\d/]+ [\d:]+ |\. +Waiting .*$/g, '');
  return new AgentError('unavailable', `influxd backup of ${where} failed: ${said}`, {
    retryable: true,
    hint: 'see the log of the server; run it again',
  });
}

/** Whether something listens there; influxd would try for minutes. @throws AgentError, retryable */
export function listens({ host, port, silenceMs }: InfluxdOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: silenceMs });
    const fail = (reason: string) => {
      socket.destroy();
      reject(
        new AgentError('unavailable', `the RPC of InfluxDB at ${host}:${port} cannot be reached: ${reason}`, {
          retryable: true,
          hint: 'is the server started? From another machine its influxdb.conf needs bind-address = ":8088", on a trusted network only',
        }),
      );
    };
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => fail('no answer'));
    socket.once('error', (error) => fail(errnoOf(error) ?? error.message));
  });
}

function bytesIn(directory: string): number {
  try {
    const sizes = readdirSync(directory).map(
      (name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size,
    );
    return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  } catch {
    return 0;
  }
}
