import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import type { Workplace } from './workplace.ts';

/** Waits until a server is there. */
export async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await sleep(100);
  }
  throw new Error(`${url} does not answer`);
}

/** A real, empty InfluxDB 2 with organisation `home` and bucket `energy`, and its operator token. */
export async function startInfluxd(workplace: Workplace, program: string): Promise<{ url: string; token: string }> {
  const port = await freePort();
  const data = join(workplace.directory, 'influxd');
  const paths = ['--bolt-path', `${data}/bolt`, '--engine-path', `${data}/engine`, '--sqlite-path', `${data}/sqlite`];
  const address = ['--http-bind-address', `127.0.0.1:${port}`];
  workplace.start(program, [...paths, ...address, '--reporting-disabled', '--log-level', 'error'], {
    HOME: workplace.directory,
  });
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/health`);
  const response = await fetch(`${url}/api/v2/setup`, {
    method: 'POST',
    body: JSON.stringify({ username: 'bench', password: 'a long password', org: 'home', bucket: 'energy' }),
  });
  const { auth } = (await response.json()) as { auth: { token: string } };
  return { url, token: auth.token };
}
