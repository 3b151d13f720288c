import { AgentError } from '../../system/errors.ts';
import { shortText } from './http-stream.ts';
import type { PatientClient } from './patient-client.ts';

/**
 * The version of an InfluxDB 2, such as `2.9.1`. Waits while it starts.
 * @throws AgentError when something else answers
 */
export async function influxdb2Version(client: PatientClient): Promise<string> {
  const request = { what: 'health', path: '/health', accepts: [404] };
  const text = await client.get(request, async (answer) => (answer.status === 200 ? shortText(answer) : ''));
  const { name, version } = parsed(text);
  const number = typeof version === 'string' ? version.replace(/^v/, '') : '';
  if (name === 'influxdb' && /^2\./.test(number)) return number;
  throw new AgentError(
    'unavailable',
    `${client.url} is ${name === 'influxdb' ? `an InfluxDB ${number}` : 'no InfluxDB 2'}, of which there are no backups this way`,
    { hint: 'check the URL: scheme, host, port, and the path where a proxy has one' },
  );
}

function parsed(text: string): { name?: unknown; version?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
