import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Config, SinkConfig } from '../config/schema.ts';
import type { SetupOptions } from '../influxdb/setup/options.ts';
import { AgentError } from '../system/errors.ts';
import { influxAddress } from './influx-sink.ts';

export interface SetupRequest {
  /** Path of the configuration. */
  config: string;
  tokensDir?: string;
  operatorTokenFile?: string;
  adminPasswordFile?: string;
  username: string;
  replace?: boolean;
  dryRun?: boolean;
  print: (line: string) => void;
}

/** What to set up for an entry of the configuration. @throws AgentError when it is not clear which */
export function setupOptions(config: Config, sinkName: string | undefined, request: SetupRequest): SetupOptions {
  const sink = chosen(config, sinkName);
  const { name, url, org, bucket, hostBucket, tokenFile, timeout } = sink;
  const directory = resolve(request.tokensDir ?? dirname(request.config));
  // Where the configuration names a file already, the agent looks there; a name without a slash is a credential of systemd.
  const named = request.tokensDir === undefined && tokenFile?.includes('/') ? resolve(tokenFile) : undefined;
  return {
    // The agent's own token is not meant for this, and may not be there yet.
    address: { ...influxAddress({ ...sink, token: undefined, tokenFile: undefined }), url },
    org,
    bucket,
    hostBucket,
    username: request.username,
    files: {
      operator: resolve(request.operatorTokenFile ?? join(directory, `${name}-operator.token`)),
      adminPassword: resolve(request.adminPasswordFile ?? join(directory, `${name}-admin.password`)),
      writer: named ?? join(directory, `${name}.token`),
      reader: join(directory, `${name}-reader.token`),
    },
    machine: hostname(),
    dryRun: request.dryRun ?? false,
    replace: request.replace ?? false,
    timeoutMs: timeout,
    print: request.print,
  };
}

function chosen({ influxdb }: Config, name: string | undefined): SinkConfig {
  const names = influxdb.map((sink) => sink.name).join(', ');
  if (influxdb.length === 0) {
    throw new AgentError('config', 'the configuration has no influxdb', {
      hint: 'add the entry influxdb with its url; energy-monitor config example shows it',
    });
  }
  const sink = name === undefined ? influxdb[0] : influxdb.find((candidate) => candidate.name === name);
  if (sink && (name !== undefined || influxdb.length === 1)) return sink;
  throw new AgentError(
    'usage',
    name === undefined ? 'the configuration has several servers' : `no server is named ${name}`,
    {
      hint: `choose one with --sink: ${names}`,
    },
  );
}
