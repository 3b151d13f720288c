import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers } from '../../bench/influxd.ts';
import type { Workplace } from '../../bench/workplace.ts';
import { freePort } from '../../support/free-port.ts';
import { api, optionsFor, runSetup } from '../../support/influx-setup.ts';
import { influxdProgram } from '../../support/influxd-program.ts';
import { compose, composeSchema } from '../compose-files.ts';
import { Answers } from './asking.ts';
import { type Line, World, type WorldOptions } from './world.ts';

const BATCH = 5000;

/** What a server is asked with: the token that Grafana has. */
export interface Filled {
  world: World;
  answers: Answers;
}

/** Whether answers come from a real server here. */
export const IS_REAL = influxdProgram() !== undefined;
export const ANSWERED_BY = IS_REAL ? 'influxd' : 'recorded answers of influxd 2.9.1';

/** Writes lines bucket by bucket. */
export async function fill(url: string, token: string, lines: Iterable<Line>): Promise<void> {
  const waiting = new Map<string, string[]>();
  const flush = async (bucket: string, texts: string[]) => {
    const path = `/api/v2/write?org=home&bucket=${bucket}&precision=ms`;
    const { status, body } = await api({ url, token }, 'POST', path, texts.join('\n'));
    if (status !== 204) throw new Error(`${bucket}: ${JSON.stringify(body)}`);
    texts.length = 0;
  };
  for (const { bucket, text } of lines) {
    const texts = waiting.get(bucket) ?? [];
    waiting.set(bucket, texts);
    if (texts.push(text) === BATCH) await flush(bucket, texts);
  }
  for (const [bucket, texts] of waiting) await flush(bucket, texts);
}

interface Server {
  url: string;
  /** The token that Grafana has. */
  reader: string;
  operator: string;
  /** Ends it cleanly and starts it on the same data. @returns its process id */
  restart(): Promise<number | undefined>;
}

/** A server with the limits of compose.yaml, as `influxdb setup` makes it; its tasks are off, since the world is not of now. */
export async function startServer(workplace: Workplace): Promise<Server> {
  const port = await freePort();
  const { directory } = workplace;
  const args = [
    ['--bolt-path', join(directory, 'bolt')],
    ['--engine-path', join(directory, 'engine')],
    ['--sqlite-path', join(directory, 'sqlite')],
    ['--http-bind-address', `127.0.0.1:${port}`],
    ['--log-level', 'error'],
  ].flat();
  const limits = composeSchema.parse(compose()).services.influxdb?.environment ?? {};
  const url = `http://127.0.0.1:${port}`;
  const launch = async () => {
    const child = workplace.start(influxdProgram() ?? 'influxd', args, { ...limits, HOME: directory });
    await answers(`${url}/health`);
    return child;
  };
  let child = await launch();
  const setup = optionsFor(url, directory);
  const { error } = await runSetup(setup);
  if (error) throw error;
  const read = (path: string) => readFileSync(path, 'utf8').trim();
  const operator = read(setup.files.operator);
  const { body } = await api<{ tasks: { id: string }[] }>({ url, token: operator }, 'GET', '/api/v2/tasks?org=home');
  for (const { id } of body.tasks) {
    await api({ url, token: operator }, 'PATCH', `/api/v2/tasks/${id}`, { status: 'inactive' });
  }
  const restart = async () => {
    await workplace.end(child, 'SIGINT');
    child = await launch();
    return child.pid;
  };
  return { url, reader: read(setup.files.reader), operator, restart };
}

/** The world, in a real server where there is one. @param recorded the file of answers that serve elsewhere */
export async function filledServer(
  workplace: Workplace,
  recorded: string,
  options: WorldOptions,
  besides: Iterable<Line> = [],
): Promise<Filled> {
  const world = new World(options);
  if (!IS_REAL) {
    for (const _ of world.lines());
    return { world, answers: new Answers(recorded, undefined) };
  }
  const { url, reader, operator } = await startServer(workplace);
  await fill(url, operator, world.lines());
  await fill(url, operator, besides);
  return { world, answers: new Answers(recorded, (script) => ask(url, reader, script)) };
}

/** @returns the answer as CSV without annotations */
export async function ask(url: string, token: string, script: string): Promise<string> {
  const response = await fetch(`${url}/api/v2/query?org=home`, {
    method: 'POST',
    headers: { authorization: `Token ${token}`, 'content-type': 'application/vnd.flux', accept: 'application/csv' },
    body: script,
  });
  const text = await response.text();
  if (!response.ok || text.startsWith('error,')) throw new Error(`${text}\n${script}`);
  return text;
}
