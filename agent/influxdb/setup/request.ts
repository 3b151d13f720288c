import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { AgentError } from '../../system/errors.ts';
import type { InfluxAddress } from '../client.ts';
import type { SetupOptions } from './options.ts';

/** What the person asks for. */
export interface SetupRequest {
  /** Path of the configuration. */
  config: string;
  sink?: string;
  tokensDir?: string | undefined;
  /** Where the agent's own token goes, wherever the others do. */
  writerFile?: string | undefined;
  operatorTokenFile?: string;
  adminPasswordFile?: string;
  username: string;
  replace?: boolean;
  dryRun?: boolean;
}

/** What the configuration says of a server. */
export interface SetupTarget {
  name: string;
  org: string;
  bucket: string;
  hostBucket: string;
  tokenFile?: string | undefined;
  /** In milliseconds. */
  timeout: number;
}

/** What to set up. The address has no token: the agent's own is not meant for this, and may not be there yet. */
export function setupOptions(
  { name, org, bucket, hostBucket, tokenFile, timeout }: SetupTarget,
  address: InfluxAddress,
  request: SetupRequest,
  print: (line: string) => void,
): SetupOptions {
  const directory = resolve(request.tokensDir ?? dirname(request.config));
  // Where the configuration names a file already, the agent looks there; a name without a slash is a credential of systemd.
  const named = request.tokensDir === undefined && tokenFile?.includes('/') ? resolve(tokenFile) : undefined;
  return {
    address,
    org,
    bucket,
    hostBucket,
    username: request.username,
    files: {
      operator: resolve(request.operatorTokenFile ?? join(directory, `${name}-operator.token`)),
      adminPassword: resolve(request.adminPasswordFile ?? join(directory, `${name}-admin.password`)),
      writer: request.writerFile ?? named ?? join(directory, `${name}.token`),
      reader: join(directory, `${name}-reader.token`),
    },
    machine: hostname(),
    dryRun: request.dryRun ?? false,
    replace: request.replace ?? false,
    timeoutMs: timeout,
    print,
  };
}

/** The server to set up. @throws AgentError when it is not clear which */
export function chosenServer<T extends SetupTarget>(servers: readonly T[], { sink: name }: SetupRequest): T {
  if (servers.length === 0) {
    throw new AgentError('config', 'the configuration has no influxdb', {
      hint: 'add the entry influxdb with its url; energy-monitor config example shows it',
    });
  }
  const server = name === undefined ? servers[0] : servers.find((candidate) => candidate.name === name);
  if (server && (name !== undefined || servers.length === 1)) return server;
  throw new AgentError(
    'usage',
    name === undefined ? 'the configuration has several servers' : `no server is named ${name}`,
    { hint: `choose one with --sink: ${servers.map((one) => one.name).join(', ')}` },
  );
}
