import type { SinkConfig } from '../config/schema.ts';
import { readAuthorityFile, readSecretFile } from '../config/secrets.ts';
import { InfluxWriter } from '../influxdb/writer.ts';
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
    close: () => writer.close(),
  };
}

/** @throws AgentError when a file that the configuration names cannot be read */
export function influxAddress({ url, token, tokenFile, caFile }: SinkConfig) {
  return {
    url,
    token: token ?? (tokenFile === undefined ? undefined : readSecretFile(tokenFile)),
    ca: caFile === undefined ? undefined : readAuthorityFile(caFile),
  };
}
