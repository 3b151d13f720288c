import { type InfluxAddress, InfluxClient } from './client.ts';
import { type Connections, connectionsTo } from './connections.ts';
import { failedWrite, type WriteOutcome, writeOutcome } from './write-outcome.ts';

export interface WriterOptions {
  /** Read anew after each trouble: a token that was replaced in its file is taken over. */
  address: () => InfluxAddress;
  org: string;
  /** `db/rp` with InfluxDB 1.8, ignored by VictoriaMetrics. */
  bucket: string;
  timeoutMs: number;
}

const GZIP_ABOVE_BYTES = 1000;

/** Writes to one bucket. Writing the same again changes nothing there: same series, same time, same values. */
export class InfluxWriter {
  readonly #options: WriterOptions;
  #client: InfluxClient | undefined;
  #connections: Connections | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** @param lines line protocol, times in ms */
  async write(lines: readonly string[], signal?: AbortSignal): Promise<WriteOutcome> {
    const outcome = await this.#request(lines, signal);
    if (outcome.kind === 'hold' || outcome.kind === 'retry') this.#client = undefined;
    return outcome;
  }

  /** Closes its connections. */
  close(): void {
    this.#connections?.close();
  }

  async #request(lines: readonly string[], signal: AbortSignal | undefined): Promise<WriteOutcome> {
    const { address, org, bucket, timeoutMs } = this.#options;
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
