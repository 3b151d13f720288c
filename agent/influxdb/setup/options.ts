import type { InfluxAddress } from '../client.ts';
import type { Names } from './plan.ts';

/** Where the secrets of one server are. */
export interface SecretFiles {
  operator: string;
  adminPassword: string;
  writer: string;
  reader: string;
}

export interface SetupOptions extends Names {
  /** Without a token: the setup has files for them. */
  address: InfluxAddress;
  org: string;
  username: string;
  files: SecretFiles;
  /** Name of this machine: several may use one server, each with tokens of its own. */
  machine: string;
  dryRun: boolean;
  /** Make tokens anew whose files hold something that does not fit. */
  replace: boolean;
  timeoutMs: number;
  print: (line: string) => void;
}
