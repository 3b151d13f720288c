import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { influxSource } from '../../agent/import/influx-source.ts';
import { toLine } from '../../agent/influxdb/line-protocol.ts';
import { journalPath } from '../../agent/journal/database.ts';
import { REPOSITORY, runCommand, runProgram } from '../support/child.ts';
import { allReadings, textFile } from '../support/imports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readingAt } from './readings.ts';

const BASE = Date.UTC(2026, 2, 1);
const PROGRAM = join(REPOSITORY, 'agent/energy-monitor');
const readings = (count: number) => Array.from({ length: count }, (_, i) => readingAt(BASE + i * 1000));
const text = (count: number) =>
  readings(count)
    .map((reading) => `${toLine(reading)}\n`)
    .join('');

/** An import of standard input, which stays open. */
function importOfStdin(stateDir: string) {
  const child = spawn(PROGRAM, ['import', '-', '--state-dir', stateDir], { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let said = '';
  let watcher = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      said += piece;
      watcher();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const printed = (pattern: RegExp) =>
    new Promise<void>((resolve) => {
      watcher = () => {
        if (pattern.test(said)) resolve();
      };
      watcher();
    });
  return { child, ended, printed, said: () => said };
}

/** The journal is opened when signals are heard already, and before anything is read. */
const begins = (stateDir: string) =>
  expect.poll(() => existsSync(journalPath(stateDir)), { timeout: 20_000 }).toBe(true);

test('Ctrl-C while standard input says nothing yet', async () => {
  const stateDir = temporaryDirectory();
  const { child, ended, said } = importOfStdin(stateDir);
  await begins(stateDir);
  child.kill('SIGINT');
  expect(await ended).toBe(0);
  expect(said()).toContain('stopped before anything was read\n');
});

test('Ctrl-C while standard input stays silent: what was read is stored', async () => {
  const stateDir = temporaryDirectory();
  const { child, ended, printed, said } = importOfStdin(stateDir);
  // More than is looked at to tell what it is.
  child.stdin.on('error', () => {});
  child.stdin.write(text(5000));
  await printed(/begin again/);
  child.kill('SIGINT');
  expect(await ended).toBe(0);
  expect(said()).toMatch(/new readings, 0 there already; stopped\n/);
  const stored = allReadings(stateDir);
  expect(stored.length).toBeGreaterThan(2000);
  expect(stored).toEqual(readings(stored.length));
});

/** An HTTP server on the loopback; `asked` resolves with the first request. */
async function serverThat(answers: (response: ServerResponse) => void): Promise<{ url: string; asked: Promise<void> }> {
  const asked = Promise.withResolvers<void>();
  const server = createServer((_, response) => {
    answers(response);
    asked.resolve();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: asked.promise };
}

test('Ctrl-C during a request to an InfluxDB that does not answer', async () => {
  const { url, asked } = await serverThat(() => {});
  const child = runCommand(['import', '--from-influxdb', url, '--state-dir', temporaryDirectory()]);
  await asked;
  expect(await child.end('SIGINT')).toBe(0);
  expect(child.errors()).toContain('stopped before anything was read');
});

test('a stop before a server that refuses is asked again', async () => {
  const { url, asked } = await serverThat((response) => response.writeHead(503).end('{}'));
  const stop = new AbortController();
  const options = { address: { url }, org: 'home', bucket: 'energy', measurement: 'energy', pausesMs: [3_600_000] };
  const opening = influxSource({ ...options, signal: stop.signal });
  const ended = expect(opening).rejects.toThrow(/abort/i);
  await asked;
  // Its answer arrives, and the pause begins.
  await sleep(200);
  stop.abort();
  await ended;
});

test('a pipe that a shell makes of a program, and a named pipe, are files that can be read once', async () => {
  const path = textFile('a.lp', text(5000));
  const byShell = temporaryDirectory();
  const shell = runProgram('bash', ['-c', `${PROGRAM} import <(cat ${path}) --state-dir ${byShell}`]);
  expect(await shell.ended).toBe(0);
  expect(allReadings(byShell)).toEqual(readings(5000));

  const stateDir = temporaryDirectory();
  const pipe = join(stateDir, 'pipe.lp.gz');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  const child = runCommand(['import', pipe, '--state-dir', stateDir]);
  const writer = runProgram('sh', ['-c', `gzip -c ${path} > ${pipe}`]);
  expect([await child.ended, await writer.ended]).toEqual([0, 0]);
  expect(child.errors()).toContain('if this is cut off, begin again');
  expect(allReadings(stateDir)).toEqual(readings(5000));
});

test('a pipe of a broken gzip file: one sentence', async () => {
  const directory = temporaryDirectory();
  const [pipe, broken] = [join(directory, 'pipe.gz'), join(directory, 'broken')];
  // Behind what is looked at to tell what it is.
  const packed = gzipSync(text(50_000));
  writeFileSync(broken, packed.subarray(0, packed.length - 1000));
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  const child = runCommand(['import', pipe, '--state-dir', directory]);
  const writer = runProgram('sh', ['-c', `cat ${broken} > ${pipe}`]);
  expect([await child.ended, await writer.ended]).toEqual([64, 0]);
  expect(child.errors()).toMatch(/pipe\.gz is no whole gzip file/);
  expect(child.errors()).not.toContain('a defect');
});

test('Ctrl-C while nobody writes into a named pipe', async () => {
  const stateDir = temporaryDirectory();
  const pipe = join(stateDir, 'pipe.lp');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  const child = runCommand(['import', pipe, '--state-dir', stateDir]);
  await begins(stateDir);
  expect(await child.end('SIGINT')).toBe(0);
  expect(child.errors()).toContain('stopped before anything was read');
});
