import { type InfluxAddress, InfluxClient, type InfluxResponse, InfluxUnreachable } from '../influxdb/client.ts';
import { fluxString } from '../influxdb/flux.ts';
import { serverMessage, unreachableHint } from '../influxdb/write-outcome.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { type FluxRow, fluxRows } from './flux-csv.ts';

export interface FluxPagesOptions {
  address: InfluxAddress;
  org: string;
  bucket: string;
  measurement: string;
  timeoutMs?: number;
  /** Ends a request under way. */
  signal?: AbortSignal | undefined;
}

/** A page of an hour takes a Pi a second or two. */
const TIMEOUT_MS = 120_000;

/** Points of one measurement of an InfluxDB 2 bucket, by time. */
export class FluxPages {
  readonly #options: FluxPagesOptions;
  readonly #client: InfluxClient;

  constructor(options: FluxPagesOptions) {
    this.#options = options;
    this.#client = new InfluxClient(options.address);
  }

  /** The first (or last) point of each series in a range, a row for each field: its time and tags, the field's name as `_field`. */
  async ends(which: 'first' | 'last', fromMs: number, toMs: number): Promise<FluxRow[]> {
    // Values of several types do not fit into one table; only times are asked for.
    return this.#query(fromMs, toMs, `|> ${which}() |> drop(columns: ["_start", "_stop", "_value"])`);
  }

  /** All points of a range, a row for each series and time. Tags are texts, fields numbers. */
  async page(fromMs: number, toMs: number): Promise<FluxRow[]> {
    const pivot = '|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")';
    return this.#query(fromMs, toMs, `|> drop(columns: ["_start", "_stop"]) ${pivot}`);
  }

  async #query(fromMs: number, toMs: number, rest: string): Promise<FluxRow[]> {
    const { org, bucket, measurement, timeoutMs = TIMEOUT_MS, signal } = this.#options;
    const query = `from(bucket: ${fluxString(bucket)})
      |> range(start: ${new Date(fromMs).toISOString()}, stop: ${new Date(toMs).toISOString()})
      |> filter(fn: (r) => r._measurement == ${fluxString(measurement)}) ${rest}`;
    let response: InfluxResponse;
    try {
      response = await this.#client.request('/api/v2/query', {
        method: 'POST',
        query: { org },
        headers: { 'content-type': 'application/json', accept: 'application/csv' },
        body: { query, dialect: { header: true, annotations: ['datatype', 'group'] } },
        timeoutMs,
        signal,
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#unreachable(error);
    }
    if (response.status !== 200) throw this.#refused(response);
    try {
      return fluxRows(typeof response.body === 'string' ? response.body : '');
    } catch (error) {
      throw new AgentError('unavailable', `${this.#client.url}: the query failed: ${messageOf(error)}`, {
        retryable: true,
      });
    }
  }

  #unreachable(error: unknown): AgentError {
    const hint = error instanceof InfluxUnreachable ? unreachableHint(error) : undefined;
    return new AgentError('unavailable', `InfluxDB ${this.#client.url} cannot be reached: ${messageOf(error)}`, {
      retryable: true,
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #refused({ status, body }: InfluxResponse): AgentError {
    const { org, bucket } = this.#options;
    const said = serverMessage(body);
    const hints: Readonly<Record<number, string>> = {
      401: 'the token is missing or wrong; write one that may read the bucket into the file of --token-file',
      403: 'may the token read the bucket? InfluxDB 1.8 has no Flux by default: import what influx_inspect export -lponly writes',
      404: `is there a bucket ${bucket} in organisation ${org}, and may the token read it? Or the URL is that of another server`,
    };
    const hint = /organization name .* not found/.test(said) ? 'name another with --org' : hints[status];
    return new AgentError(
      'unavailable',
      `InfluxDB ${this.#client.url} answers ${status}${said === '' ? '' : `: ${said}`}`,
      {
        retryable: status === 429 || status >= 500,
        ...(hint === undefined ? {} : { hint }),
      },
    );
  }
}
