import { join } from 'node:path';
import type { SetupOptions } from '../../agent/influxdb/setup/options.ts';
import { setUpServer } from '../../agent/influxdb/setup/setup.ts';
import { AgentError } from '../../agent/system/errors.ts';
import type { InfluxAccess } from './influxd.ts';

/** Options of a setup whose secrets go into a directory of the test. */
export function optionsFor(url: string, directory: string, given: Partial<SetupOptions> = {}): SetupOptions {
  return {
    address: { url },
    org: 'home',
    bucket: 'energy',
    hostBucket: 'host',
    username: 'admin',
    files: {
      operator: join(directory, 'influxdb-operator.token'),
      adminPassword: join(directory, 'influxdb-admin.password'),
      writer: join(directory, 'influxdb.token'),
      reader: join(directory, 'influxdb-reader.token'),
    },
    machine: 'pi',
    dryRun: false,
    replace: false,
    timeoutMs: 20_000,
    print: () => {},
    ...given,
  };
}

/** A setup, with what it printed and how it ended. */
export async function runSetup(options: SetupOptions): Promise<{ lines: string[]; error: AgentError | undefined }> {
  const lines: string[] = [];
  try {
    await setUpServer({ ...options, print: (line) => lines.push(line) });
    return { lines, error: undefined };
  } catch (error) {
    if (error instanceof AgentError) return { lines, error };
    throw error;
  }
}

/** A request of the test's own. */
export async function api<T>(
  access: Pick<InfluxAccess, 'url' | 'token'>,
  method: string,
  path: string,
  body?: unknown,
) {
  const response = await fetch(`${access.url}${path}`, {
    method,
    headers: { authorization: `Token ${access.token}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text.startsWith('{') ? JSON.parse(text) : text) as T };
}
