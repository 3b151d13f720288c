import type { SinkConfig } from '../config/schema.ts';
import { sinkAddress } from '../config/sink-address.ts';
import { toLine } from '../influxdb/line-protocol.ts';
import { InfluxWriter } from '../influxdb/writer.ts';
import type { Lane } from './lanes.ts';
import type { Sink } from './sink.ts';

/** The sink of one lane to an entry of `influxdb` in the configuration. */
export function influxSink(config: SinkConfig, lane: Lane): Sink {
  const writer = influxWriter(config, lane);
  return {
    name: lane.consumer,
    target: `${config.url}, bucket ${lane.bucket}`,
    write: (readings, signal) => writer.write(readings.map(toLine), signal),
    close: () => writer.close(),
  };
}

/** Writes lines as they are, for what no longer is in the journal. */
export function influxWriter(config: SinkConfig, { bucket }: Lane): InfluxWriter {
  const { org, timeout } = config;
  return new InfluxWriter({ address: () => sinkAddress(config), org, bucket, timeoutMs: timeout });
}
