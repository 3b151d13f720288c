import { randomBytes } from 'node:crypto';
import { AgentError } from '../../system/errors.ts';
import { readPrivateFile, writePrivateFile } from '../../system/private-file.ts';
import { InfluxClient } from '../client.ts';
import { Api, refusal } from './api.ts';
import type { SetupOptions } from './options.ts';
import { right, type Step, secretIn } from './step.ts';

/** 192 bits in letters, digits, - and _, which no shell and no InfluxQL minds. */
export const makePassword = (): string => randomBytes(24).toString('base64url');

/** The server's own tokens are as long. */
const makeToken = (): string => randomBytes(64).toString('base64url');

/** Requests with the operator token, once there is one. */
export class Access {
  readonly #options: SetupOptions;
  #api: Api | undefined;
  /** Nobody has set the server up yet. */
  empty = false;

  constructor(options: SetupOptions) {
    this.#options = options;
  }

  withToken(token: string | undefined): Api {
    const { address, timeoutMs } = this.#options;
    return new Api(new InfluxClient({ ...address, token }), timeoutMs);
  }

  /** Undefined while the server is empty, in a dry run. */
  get api(): Api | undefined {
    return this.#api;
  }

  open(token: string): Api {
    this.#api = this.withToken(token);
    return this.#api;
  }
}

/**
 * The first setup of an empty server. Password and operator token are made here and are on the disk before the server gets them: whatever
 * breaks off afterwards, the file opens the server.
 */
export function firstSetup(options: SetupOptions, access: Access): Step {
  const { files, username, org, bucket } = options;
  return {
    name: 'first setup',
    look: async () => {
      const open = access.withToken(undefined);
      const state = await open.get<{ allowed?: boolean }>('asking whether the server is empty', '/api/v2/setup', {});
      access.empty = state.allowed === true;
      if (!access.empty) return right('done already');
      return {
        state: 'missing',
        would: `would make user ${username}, password into ${files.adminPassword}`,
        change: async () => {
          const password = readPrivateFile(files.adminPassword) ?? kept(files.adminPassword, makePassword());
          const token = readPrivateFile(files.operator) ?? kept(files.operator, makeToken());
          const response = await open.ask('/api/v2/setup', {
            method: 'POST',
            body: { username, password, org, bucket, token },
          });
          if (response.status !== 201) throw refusal(open.client, 'first setup', response);
          access.empty = false;
          return `made user ${username}, password in ${files.adminPassword}`;
        },
      };
    },
  };
}

function kept(file: string, secret: string): string {
  writePrivateFile(file, secret);
  return secret;
}

/** The token that all further steps use: of the first setup, or of the file that the person names. */
export function operatorToken(options: SetupOptions, access: Access): Step {
  const { files, dryRun } = options;
  return {
    name: 'operator token',
    look: async () => {
      if (dryRun && access.empty) {
        return {
          state: 'missing',
          would: `would be in ${files.operator}`,
          change: () => Promise.reject(new Error('dry run')),
        };
      }
      const token = readPrivateFile(files.operator);
      if (token === undefined) {
        throw new AgentError(
          'permission',
          `the server is set up already, and there is no operator token in ${files.operator}`,
          {
            hint: 'name its file with --operator-token-file; a lost one is made anew on the server with: influxd recovery auth create-operator',
          },
        );
      }
      const api = access.open(token);
      const orgs = await api.ask('/api/v2/orgs', { query: { limit: '1' } });
      if (orgs.status !== 200) throw refusal(api.client, `operator token of ${files.operator}`, orgs);
      // A shard that cannot exist: only the operator gets as far as hearing so.
      const backup = await api.ask('/api/v2/backup/shards/18446744073709551615');
      if (backup.status === 401 || backup.status === 403) {
        return {
          state: 'kept',
          said: `the one in ${files.operator} is not the operator's: enough for this, not for backups`,
        };
      }
      return secretIn(files.operator, `in ${files.operator}`, ', for backups alone');
    },
  };
}
