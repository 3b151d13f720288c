import { AgentError } from '../../system/errors.ts';
import type { InfluxClient, InfluxResponse } from '../client.ts';
import { ask } from './api.ts';

export interface ServerKind {
  kind: 'influxdb2' | 'influxdb1' | 'victoriametrics';
  /** For a person: name and version. */
  label: string;
}

const header = ({ headers }: InfluxResponse, name: string): string => String(headers[name] ?? '');

/**
 * What answers at the URL. /ping tells it without a token: InfluxDB 1.x to 3 with X-Influxdb-Version (1.x and 2.x: 204), VictoriaMetrics
 * with 204 and X-Server-Hostname.
 * @throws AgentError when it is a server that cannot be set up
 */
export async function recogniseServer(client: InfluxClient, timeoutMs: number): Promise<ServerKind> {
  const ping = await ask(client, '/ping', { timeoutMs });
  const version = header(ping, 'x-influxdb-version').replace(/^v/, '') || versionIn(ping.body);
  const major = /^\d+/.exec(version)?.[0];
  if (/cloud/i.test(header(ping, 'x-influxdb-build'))) {
    throw other(
      client,
      'an InfluxDB Cloud',
      'make buckets and tokens on its own pages, and name the token with tokenFile',
    );
  }
  if (major === '2') return { kind: 'influxdb2', label: `InfluxDB ${version}` };
  if (major === '1') {
    if (/^1\.[0-7]\./.test(version)) {
      throw other(client, `an InfluxDB ${version}`, 'it has no /api/v2/write; use 1.8 or 2.7 and later');
    }
    return { kind: 'influxdb1', label: `InfluxDB ${version}` };
  }
  if (major !== undefined) {
    throw other(
      client,
      `an InfluxDB ${version}`,
      'it makes databases with its first write; its tokens come from influxdb3 create token',
    );
  }
  if (ping.status === 204 && header(ping, 'x-server-hostname') !== '') {
    return { kind: 'victoriametrics', label: 'VictoriaMetrics' };
  }
  const health = await ask(client, '/health', { timeoutMs });
  // A build from source or a proxy can lack the headers.
  const healthVersion = isInfluxHealth(health.body) ? versionIn(health.body).replace(/^v/, '') : '';
  if (healthVersion.startsWith('1.')) return { kind: 'influxdb1', label: `InfluxDB ${healthVersion}` };
  if (isInfluxHealth(health.body)) return { kind: 'influxdb2', label: `InfluxDB ${healthVersion}`.trim() };
  if (ping.status === 401 || ping.status === 403) {
    throw other(
      client,
      `a server that answers ${ping.status} even to /ping`,
      'ask it without the proxy in front of it',
    );
  }
  throw other(
    client,
    `no InfluxDB (it answers ${ping.status} to /ping)`,
    'check host and port of url; InfluxDB listens on 8086',
  );
}

function versionIn(body: unknown): string {
  const { version } = (typeof body === 'object' && body !== null ? body : {}) as { version?: unknown };
  return typeof version === 'string' ? version : '';
}

function isInfluxHealth(body: unknown): boolean {
  return typeof body === 'object' && body !== null && (body as { name?: unknown }).name === 'influxdb';
}

const other = (client: InfluxClient, what: string, hint: string) =>
  new AgentError('config', `at ${client.url} is ${what}`, { hint });
