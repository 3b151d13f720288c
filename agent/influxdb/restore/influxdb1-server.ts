import { AgentError } from '../../system/errors.ts';
import { type InfluxAddress, InfluxClient } from '../client.ts';
import { Api } from '../setup/api.ts';
import { identifier, literal, rows, type Table, tables } from '../setup/influxql.ts';
import { type Tally, type TallySource, type TimeSpan, tallyKey } from './tallies.ts';

/** Counting a month of readings takes tens of seconds on a Pi. */
const LONGEST_QUERY_MS = 300_000;

export interface Influxdb1Shard extends TimeSpan {
  policy: string;
  /** UTC ms; undefined where its policy keeps its points for ever. */
  expiresMs: number | undefined;
}

/** An InfluxDB 1.x over its HTTP API, as its admin where it asks for passwords. */
export class Influxdb1Server {
  readonly url: string;
  readonly #api: Api;
  readonly #patientApi: Api;

  /** @param address with `user:password` as its token */
  constructor(address: InfluxAddress, timeoutMs: number) {
    this.url = address.url;
    const client = new InfluxClient(address);
    this.#api = new Api(client, timeoutMs);
    this.#patientApi = new Api(client, LONGEST_QUERY_MS);
  }

  /** Such as `1.8.10`. @throws AgentError when it is no InfluxDB 1.x */
  async version(): Promise<string> {
    const { headers } = await this.#api.ask('/ping');
    const version = String(headers['x-influxdb-version'] ?? '').replace(/^v/, '');
    // A build from source calls itself unknown.
    if (/^(1\.|unknown)/.test(version)) return version;
    throw new AgentError(
      'config',
      `at ${this.url} is ${version === '' ? 'no InfluxDB' : `InfluxDB ${version}`}, no 1.8`,
      {
        hint: "it is the url of influxdb in the configuration, port 8086 by default, not that of the server's RPC",
      },
    );
  }

  /** @throws AgentError; `permission` when that user may not see all of them */
  async databases(): Promise<string[]> {
    return (await rows(this.#api, 'asking for the databases', 'SHOW DATABASES')).map(({ name }) => String(name));
  }

  /** Removes a database with all in it; nothing where there is none. */
  async drop(database: string): Promise<void> {
    await rows(this.#patientApi, `removing ${database}`, `DROP DATABASE ${identifier(database)}`);
  }

  async shards(database: string): Promise<Influxdb1Shard[]> {
    const found = await rows(this.#api, 'asking for the shards', 'SHOW SHARDS');
    return found
      .filter((row) => row.database === database)
      .map(({ retention_policy, start_time, end_time, expiry_time }) => {
        const [fromMs, toMs, expiresMs] = [start_time, end_time, expiry_time].map((time) => Date.parse(String(time)));
        return {
          policy: String(retention_policy),
          fromMs: fromMs ?? 0,
          toMs: toMs ?? 0,
          expiresMs: expiresMs === toMs || Number.isNaN(expiresMs) ? undefined : expiresMs,
        };
      });
  }

  /** TSM files and their bytes, of each shard that has some. */
  async files(database: string): Promise<{ policy: string; files: number; bytes: number }[]> {
    const found = await tables(this.#api, 'asking for the files', `SHOW STATS FOR ${literal('tsm1_filestore')}`);
    return found
      .filter(({ tags }) => tags.database === database)
      .map(({ tags, rows: [row] }) => ({
        policy: tags.retentionPolicy ?? '',
        files: Number(row?.numFiles ?? 0),
        bytes: Number(row?.diskBytes ?? 0),
      }))
      .filter(({ bytes }) => bytes > 0);
  }

  /** Counts and sums of a database, over all its retention policies; the server computes them. */
  tallies(database: string, policies: readonly string[]): TallySource {
    return async (span) => {
      const found = new Map<string, Tally>();
      for (const policy of new Set(policies)) {
        for (const table of await this.#perDay('count', database, policy, span)) addTo(found, table, 'count');
        for (const table of await this.#perDay('sum', database, policy, span)) addTo(found, table, 'sum');
      }
      return found;
    };
  }

  #perDay(what: 'count' | 'sum', database: string, policy: string, { fromMs, toMs }: TimeSpan): Promise<Table[]> {
    const from = `${identifier(database)}.${identifier(policy)}./.*/`;
    const query = `SELECT ${what}(*) FROM ${from} WHERE time >= ${fromMs}ms AND time < ${toMs}ms GROUP BY time(1d) fill(none)`;
    return tables(this.#patientApi, 'counting points', query);
  }
}

/** Columns are called `count_voltage`. */
function addTo(found: Map<string, Tally>, { name, rows: days }: Table, what: 'count' | 'sum'): void {
  for (const { time, ...columns } of days) {
    for (const [column, value] of Object.entries(columns)) {
      if (typeof value !== 'number') continue;
      const place = { measurement: name, field: column.slice(what.length + 1), day: String(time).slice(0, 10) };
      const tally = found.get(tallyKey(place)) ?? { ...place, count: 0, sum: undefined };
      found.set(tallyKey(place), tally);
      if (what === 'count') tally.count += value;
      else tally.sum = Number(tally.sum ?? 0) + value;
    }
  }
}
