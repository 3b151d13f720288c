import { readFileSync } from 'node:fs';
import type { SinkConfig } from '../config/schema.ts';
import { readSecretFile } from '../config/secrets.ts';
import { InfluxWriter } from '../influxdb/writer.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import type { Sink } from './sink.ts';

/** The sink of one entry of `influxdb` in the configuration. */
export function influxSink(config: SinkConfig): Sink {
  const writer = new InfluxWriter({
    address: () => influxAddress(config),
    org: config.org,
    bucketOf: (measurement) => (measurement === 'host' ? config.hostBucket : config.bucket),
    timeoutMs: config.timeout,
  });
  return {
    name: config.name,
    target: `${config.url}, bucket ${config.bucket}`,
    write: (readings, signal) => writer.write(readings, signal),
  };
}

/** @throws AgentError when a file that the configuration names cannot be read */
export function influxAddress({ url, token, tokenFile, caFile }: SinkConfig) {
  return {
    url,
    token: token ?? (tokenFile === undefined ? undefined : readSecretFile(tokenFile)),
    ca: caFile === undefined ? undefined : readAuthority(caFile),
  };
}

function readAuthority(caFile: string): string {
  try {
    return readFileSync(caFile, 'utf8');
  } catch (error) {
    throw new AgentError('config', `the certificate authority's file ${caFile} cannot be read: ${messageOf(error)}`, {
      hint: 'name a file with its certificate in PEM as caFile',
      cause: error,
    });
  }
}
