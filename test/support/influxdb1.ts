import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { freePort } from './free-port.ts';
import { ProcessServer } from './process-server.ts';
import { temporaryDirectory } from './temporary.ts';

/** Where test/setup.sh unpacks Debian's, which must not be on PATH: InfluxDB 2 has a program of that name too. */
const UNPACKED = join(homedir(), '.cache/energy-monitor-tests/influxdb1/usr/bin/influxd');

/** The influxd of 1.x: INFLUXD1, or what test/setup.sh has unpacked (Debian's 1.6.7, the last that is packaged). */
export function influxd1Program(): string {
  return process.env.INFLUXD1 || UNPACKED;
}

export function requireInfluxd1(context: TestContext): void {
  const program = influxd1Program();
  if (existsSync(program) && spawnSync(program, ['version']).status === 0) return;
  context.skip('there is no influxd 1.x (npm run test:setup unpacks it, or name one with INFLUXD1)');
}

/** A real, empty InfluxDB 1.x on the loopback. */
export class Influxdb1 {
  readonly rpcPort: number;
  readonly #server: ProcessServer;

  private constructor(server: ProcessServer, rpcPort: number) {
    this.#server = server;
    this.rpcPort = rpcPort;
  }

  static async start(): Promise<Influxdb1> {
    const directory = temporaryDirectory();
    const [port, rpcPort] = [await freePort(), await freePort()];
    mkdirSync(join(directory, 'data'));
    const config = join(directory, 'influxdb.conf');
    writeFileSync(
      config,
      `reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[meta]
dir = "${directory}/meta"
[data]
dir = "${directory}/data"
wal-dir = "${directory}/wal"
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
[monitor]
store-enabled = false
`,
    );
    const server = new ProcessServer({
      command: influxd1Program(),
      args: ['run', '-config', config],
      port,
      healthPath: '/ping',
      stopSignal: 'SIGINT',
      env: { HOME: directory },
    });
    await server.start();
    return new Influxdb1(server, rpcPort);
  }

  get url(): string {
    return this.#server.url;
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  end(signal?: NodeJS.Signals): Promise<void> {
    return this.#server.end(signal);
  }

  /** InfluxQL. @returns the rows of all series, as JSON */
  async query(statement: string, db = ''): Promise<unknown[]> {
    const response = await fetch(`${this.url}/query?epoch=ms&db=${encodeURIComponent(db)}`, {
      method: 'POST',
      body: new URLSearchParams({ q: statement }),
    });
    const { results } = (await response.json()) as { results: { error?: string; series?: unknown[] }[] };
    const error = results.find((result) => result.error)?.error;
    if (error) throw new Error(error);
    return results.flatMap(({ series }) => series ?? []);
  }

  async write(db: string, lines: readonly string[]): Promise<void> {
    const response = await fetch(`${this.url}/write?precision=ms&db=${encodeURIComponent(db)}`, {
      method: 'POST',
      body: lines.join('\n'),
    });
    if (response.status !== 204) throw new Error(await response.text());
  }
}
