import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DAYS, fill } from './filled-server.ts';
import { type Asker, type Exchange, RECORDING } from './recording.ts';

/**
 * Records what a real InfluxDB 2 answers, for tests on machines without one: `INFLUXD=/path/to/influxd node
 * test/influxdb/snapshot/record.ts`. The server is new, its data and tokens are for nothing else, and it is gone afterwards.
 */
const PORT = 48_086;
const URL_OF_SERVER = `http://127.0.0.1:${PORT}`;
const KEPT_HEADERS = ['content-type', 'content-encoding', 'date', 'x-influxdb-version', 'x-platform-error-code'];

async function main(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'influxd-'));
  const args = ['bolt-path=influxd.bolt', 'engine-path=engine', 'sqlite-path=influxd.sqlite'].map((one) => `--${one}`);
  args.push(`--http-bind-address=127.0.0.1:${PORT}`, '--reporting-disabled', '--log-level=error');
  const server = spawn(process.env.INFLUXD ?? 'influxd', args, { cwd: home, env: { HOME: home }, stdio: 'inherit' });
  try {
    while (
      !(await fetch(`${URL_OF_SERVER}/health`).then(
        (answer) => answer.ok,
        () => false,
      ))
    )
      await sleep(100);
    const tokens = await fill(URL_OF_SERVER);
    const exchanges: Exchange[] = [];
    const record = async (asker: Asker, path: string) => exchanges.push(await ask(asker, tokens[asker], path));
    for (const path of ['/health', '/metrics', '/api/v2/backup/metadata']) await record('operator', path);
    for (let id = 1; id <= DAYS + 1; id++) {
      await record('operator', `/api/v2/backup/shards/${id}`);
      await record('operator', `/api/v2/backup/shards/${id}?since=2100-01-01T00:00:00Z`);
    }
    for (const asker of ['reader', 'stranger'] as const) {
      await record(asker, '/api/v2/backup/metadata');
      await record(asker, '/api/v2/backup/shards/1');
    }
    writeFileSync(RECORDING, `${JSON.stringify(exchanges, null, 1)}\n`);
    execFileSync('ls', ['-l', RECORDING], { stdio: 'inherit' });
  } finally {
    server.kill('SIGINT');
    await new Promise((resolve) => server.once('exit', resolve));
    rmSync(home, { recursive: true });
  }
}

function ask(asker: Asker, token: string, path: string): Promise<Exchange> {
  const headers = { authorization: `Token ${token}`, accept: 'multipart/mixed', 'accept-encoding': 'gzip' };
  return new Promise((resolve, reject) => {
    get(`${URL_OF_SERVER}${path}`, { headers: path === '/metrics' ? {} : headers }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () => {
        let body = Buffer.concat(pieces);
        // All other lines, two thousand of them, are about other things.
        if (path === '/metrics')
          body = Buffer.from(
            body
              .toString()
              .split('\n')
              .filter((line) => /^storage_tsm/.test(line))
              .join('\n'),
          );
        const kept = KEPT_HEADERS.flatMap((name) =>
          answer.headers[name] ? [[name, String(answer.headers[name])]] : [],
        );
        resolve({
          asker,
          path: path.replace(/since=.*/, 'since'),
          status: answer.statusCode ?? 0,
          headers: Object.fromEntries(kept),
          body: body.toString('base64'),
        });
      });
    }).on('error', reject);
  });
}

await main();
