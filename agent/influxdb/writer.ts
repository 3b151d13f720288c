import type { Reading } from '../readings/reading.ts';
import { type InfluxAddress, InfluxClient } from './client.ts';
import { type Connections, connectionsTo } from './connections.ts';
import { toLine } from './line-protocol.ts';
import { failedWrite, type WriteOutcome, writeOutcome } from './write-outcome.ts';

export interface WriterOptions {
  /** Read anew before each client is built: a token that was replaced in its file is taken over. */
  address: () => InfluxAddress;
  org: string;
  /** Bucket of a measurement; `db/rp` with InfluxDB 1.8, ignored by VictoriaMetrics. */
  bucketOf: (measurement: string) => string;
  timeoutMs: number;
}

const GZIP_ABOVE_BYTES = 1000;

/** Writes readings to one server. Writing the same again changes nothing there: same series, same time, same values. */
export class InfluxWriter {
  readonly #options: WriterOptions;
  #client: InfluxClient | undefined;
  #connections: Connections | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Closes its connections. */
  close(): void {
    this.#connections?.close();
  }

  /** Writes all, one request a bucket; the first that is not written decides. */
  async write(readings: readonly Reading[], signal?: AbortSignal): Promise<WriteOutcome> {
    const linesByBucket = new Map<string, string[]>();
    for (const reading of readings) {
      const bucket = this.#options.bucketOf(reading.series.measurement);
      const lines = linesByBucket.get(bucket);
      if (lines) lines.push(toLine(reading));
      else linesByBucket.set(bucket, [toLine(reading)]);
    }
    let refused: string | undefined;
    let volatile: { connection: number } | undefined;
    for (const [bucket, lines] of linesByBucket) {
      const outcome = await this.#writeLines(bucket, lines, signal);
      if (outcome.kind !== 'written') {
        this.#client = undefined;
        return outcome;
      }
      refused ??= outcome.refused;
      volatile = outcome.volatile;
    }
    return { kind: 'written', ...(refused === undefined ? {} : { refused }), ...(volatile ? { volatile } : {}) };
  }

  async #writeLines(bucket: string, lines: string[], signal: AbortSignal | undefined): Promise<WriteOutcome> {
    const { address, org, timeoutMs } = this.#options;
    try {
      this.#client ??= this.#newClient(address());
      const response = await this.#client.request('/api/v2/write', {
        method: 'POST',
        query: { org, bucket, precision: 'ms' },
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: lines.join('\n'),
        gzipAboveBytes: GZIP_ABOVE_BYTES,
        timeoutMs,
        signal,
      });
      const outcome = writeOutcome(response);
      // InfluxDB, which names its build in each answer, syncs its log before it acknowledges (storage-wal-fsync-delay 0).
      if (outcome.kind !== 'written' || response.headers['x-influxdb-build'] !== undefined) return outcome;
      return { ...outcome, volatile: { connection: this.#connections?.opened() ?? 0 } };
    } catch (error) {
      signal?.throwIfAborted();
      return failedWrite(error);
    }
  }

  #newClient(address: InfluxAddress): InfluxClient {
    this.#connections ??= connectionsTo(address.url);
    return new InfluxClient({ ...address, connections: this.#connections });
  }
}
