import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gatherStatus } from '../../agent/collector/status-report.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { runCommand } from '../support/child.ts';
import { gapsOf, gateway, readingTimes } from '../support/gateway.ts';
import { afterTest, expect, test } from '../support/side-by-side.ts';
import { watchStalls } from '../support/stalls.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A server that takes what an InfluxDB takes, and counts it. */
async function countingServer() {
  const counted = { url: '', writes: 0 };
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url?.includes('/write')) counted.writes++;
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  counted.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  return counted;
}

/** Of meters that are there while others come and go. */
const INTERVAL_MS = 500;

test('twenty times SIGHUP at random moments: the others lose no point, what is added begins, what is removed ends', async () => {
  const { port } = await gateway();
  const stateDir = join(temporaryDirectory(), 'state');
  const file = join(temporaryDirectory(), 'config.yaml');
  const random = seededRandom(20);
  const meterOf = (name: string, unit: number, interval: number) => ({
    name,
    model: 'we-515',
    unit,
    interval: `${interval}ms`,
    connection: { tcp: `127.0.0.1:${port}` },
  });
  const write = (round: number) => {
    const steady = [meterOf('one', 1, INTERVAL_MS), meterOf('two', 2, INTERVAL_MS)];
    const comes = round % 2 === 1 ? [meterOf('guest', 3, INTERVAL_MS)] : [];
    const changing = meterOf('changing', 4, round % 3 === 0 ? INTERVAL_MS : 2 * INTERVAL_MS);
    writeFileSync(file, JSON.stringify({ stateDir, meters: [...steady, ...comes, changing] }));
  };
  write(0);
  const wasStalled = watchStalls(60);
  const child = runCommand(['collect', '--config', file]);
  await child.printed(/"collecting"|collecting/);
  const said = () =>
    `${child.errors()}${child.output()}`.split(/configuration (?:was read again|stays as it was)/).length - 1;
  const absences: { fromMs: number; toMs: number }[] = [];
  let absentSinceMs: number | undefined;
  for (let round = 1; round <= 20; round++) {
    await new Promise((resolve) =>
      setTimeout(resolve, 50 + random() * 450 + (absentSinceMs === undefined ? 0 : INTERVAL_MS)),
    );
    if (round === 10) writeFileSync(file, 'meters: [{name: one}]');
    else write(round);
    // A meter that comes can still serve the point that has just begun.
    if (absentSinceMs !== undefined) absences.push({ fromMs: absentSinceMs, toMs: Date.now() - INTERVAL_MS / 2 });
    child.process.kill('SIGHUP');
    await expect.poll(said, { timeout: 10_000, interval: 10 }).toBe(round);
    // The tenth changes nothing, so the guest of the ninth stays.
    absentSinceMs = round % 2 === 1 || round === 10 ? undefined : Date.now();
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const running = gatherStatus(stateDir);
  expect(running.collector?.meters.map(({ name }) => name)).toEqual(['one', 'two', 'changing']);
  expect(await child.end('SIGTERM')).toBe(0);
  for (const name of ['one', 'two']) {
    const times = readingTimes(stateDir, name);
    const [firstMs, lastMs] = [times[0] ?? 0, times.at(-1) ?? 0];
    // A process that starts late in an interval has no time for that one's samples: before the first reading nothing is asked.
    const gaps = gapsOf(stateDir, name).filter(({ fromMs, toMs }) => fromMs > firstMs && toMs < lastMs);
    expect(gaps.filter(({ fromMs, toMs }) => !wasStalled(fromMs, toMs))).toEqual([]);
    // Each point between them is a reading or a gap.
    const points = gaps.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs) / INTERVAL_MS + 1, times.length);
    expect(points).toBe((lastMs - firstMs) / INTERVAL_MS + 1);
    expect(times.length).toBeGreaterThan(10);
  }
  const changing = readingTimes(stateDir, 'changing');
  expect(new Set(changing).size).toBe(changing.length);
  const guest = readingTimes(stateDir, 'guest');
  expect(absences.length).toBe(8);
  for (const { fromMs, toMs } of absences) {
    expect(guest.filter((timeMs) => timeMs > fromMs && timeMs < toMs)).toEqual([]);
  }
  expect(guest.length).toBeGreaterThan(2);
  expect(child.errors() + child.output()).toMatch(/the configuration stays as it was/);
});

test('a server that comes into the configuration with SIGHUP gets the readings, and one that leaves it none', async () => {
  const { port } = await gateway();
  const stateDir = join(temporaryDirectory(), 'state');
  const file = join(temporaryDirectory(), 'config.yaml');
  const [first, second] = [await countingServer(), await countingServer()];
  const write = (url: string | undefined) => {
    const meters = [{ name: 'house', model: 'we-515', interval: '500ms', connection: { tcp: `127.0.0.1:${port}` } }];
    const influxdb = url === undefined ? [] : [{ url, token: 'a-token', batchInterval: '1s' }];
    writeFileSync(file, JSON.stringify({ stateDir, journal: { flushInterval: '1s' }, meters, influxdb }));
  };
  write(undefined);
  const child = runCommand(['collect', '--config', file]);
  await child.printed(/collecting/);
  for (const server of [first, second]) {
    write(server.url);
    child.process.kill('SIGHUP');
    await expect.poll(() => server.writes, { timeout: 20_000 }).toBeGreaterThan(1);
  }
  const { writes } = first;
  const more = second.writes + 2;
  await expect.poll(() => second.writes, { timeout: 20_000 }).toBeGreaterThan(more);
  expect(first.writes).toBe(writes);
  expect(await child.end('SIGTERM')).toBe(0);
});
