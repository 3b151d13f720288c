import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config, SinkConfig } from '../../config/schema.ts';
import { keptCredential } from '../../config/secrets.ts';
import { sinkAddress } from '../../config/sink-address.ts';
import { InfluxClient } from '../../influxdb/client.ts';
import { RestoreServer } from '../../influxdb/restore/restore-server.ts';
import { Api } from '../../influxdb/setup/api.ts';
import type { SetupOptions } from '../../influxdb/setup/options.ts';
import { setupOptions } from '../../influxdb/setup/request.ts';
import { setUpServer } from '../../influxdb/setup/setup.ts';
import { mayWrite } from '../../influxdb/setup/tokens.ts';
import { AgentError } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import { readPrivateFile } from '../../system/private-file.ts';

/** A request is tried again for so long; between the two renames of a swap it counts as well. */
const PATIENCE_MS = 20_000;

export interface TargetOptions {
  config: Config;
  /** Its path: secrets for which it names no file go beside it. */
  configFile: string;
  /** Of the server as it is now; by default the one that the configuration names for backups. */
  operatorTokenFile?: string | undefined;
  log: Logger;
}

/** The InfluxDB 2 of the configuration that a backup comes back into, with the files of its secrets. */
export class Influxdb2Target {
  readonly sink: SinkConfig;
  readonly #setup: SetupOptions;
  readonly #log: Logger;

  constructor(sink: SinkConfig, { config, configFile, operatorTokenFile, log }: TargetOptions) {
    const address = sinkAddress({ ...sink, token: undefined, tokenFile: undefined });
    const named = operatorTokenFile ?? operatorFileIn(config, sink.name);
    const kept = keptCredential(sink.tokenFile);
    const places = { tokensDir: kept?.others, writerFile: kept?.path };
    const request = {
      config: configFile,
      username: 'admin',
      ...places,
      ...(named ? { operatorTokenFile: named } : {}),
    };
    const setup = setupOptions(sink, address, request, () => {});
    // Where the setup had another directory for its tokens, the agent's own tells it.
    const beside = join(dirname(setup.files.writer), `${sink.name}-reader.token`);
    const reader = existsSync(setup.files.reader) ? setup.files.reader : beside;
    this.sink = sink;
    this.#setup = { ...setup, files: { ...setup.files, reader } };
    this.#log = log;
  }

  /** Where the agent's own tokens are. */
  get tokens(): AgentTokens {
    const { writer, reader } = this.#setup.files;
    return { writer, reader };
  }

  /** @throws AgentError when there is no operator token */
  restoreServer(): RestoreServer {
    const { address, files, timeoutMs } = this.#setup;
    const token = readPrivateFile(files.operator);
    if (token === undefined) {
      throw new AgentError(
        'permission',
        `restoring ${this.sink.name} needs the operator token of its InfluxDB 2, and there is none in ${files.operator}`,
        {
          hint: 'name its file with --operator-token-file; a lost one is made anew on the server with: influxd recovery auth create-operator',
        },
      );
    }
    return new RestoreServer({ address: { ...address, token }, timeoutMs, patienceMs: PATIENCE_MS, log: this.#log });
  }

  /**
   * The first setup of a server that nobody has set up yet.
   * @returns where its operator token is; undefined when it was set up already
   * @throws AgentError also when it does not answer
   */
  async setUpIfEmpty(): Promise<string | undefined> {
    const { address, timeoutMs, files } = this.#setup;
    const open = new Api(new InfluxClient(address), timeoutMs);
    const state = await open.find<{ allowed?: boolean }>('asking whether the server is empty', '/api/v2/setup', {});
    if (state?.allowed !== true) return undefined;
    await setUpServer(this.#setup);
    return files.operator;
  }

  /** Makes those tokens of the agent anew that do not fit the buckets any more. @throws AgentError */
  renewTokens(): Promise<void> {
    return setUpServer({ ...this.#setup, replace: true });
  }

  /** Whether the token that stands in the configuration as text is good for the buckets as they are now. */
  async textTokenFits(): Promise<boolean> {
    const { sink } = this;
    if (sink.token === undefined) return false;
    const { address, timeoutMs } = this.#setup;
    const api = new Api(new InfluxClient({ ...address, token: sink.token }), timeoutMs);
    for (const bucket of [sink.bucket, sink.hostBucket]) if (!(await mayWrite(api, sink.org, bucket))) return false;
    return true;
  }
}

/** Files of tokens: the agent's own, which writes, and Grafana's, which reads. */
export interface AgentTokens {
  writer: string;
  reader: string;
}

function operatorFileIn({ backup }: Config, sink: string): string | undefined {
  const file = backup?.databases.find((database) => database.sink === sink)?.operatorTokenFile;
  return file?.includes('/') ? file : keptCredential(file)?.path;
}
