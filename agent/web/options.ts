import type { Config } from '../config/schema.ts';
import type { Configured } from '../report/configured.ts';
import type { Address } from './doorman.ts';

export type WebConfig = Omit<Config['web'], 'listen'>;

/** What the page's thread is started with; nothing in it is a secret but the hash of the password. */
export interface PageOptions {
  /** Where it listens, beside the doorman for a moment. */
  address: Address;
  /** Also the name of the abstract socket on which it takes those who have come before. */
  name: string;
  stateDir: string;
  /** Where the collector keeps its status. */
  runtimeDirectory: string;
  timeZone: string | undefined;
  meters: readonly PageMeter[];
  web: WebConfig;
  /** Undefined where only the state directory is known. */
  configured?: Configured | undefined;
  /** After so long without a connection it ends. */
  idleMs: number;
  /** Of the collector's own log. */
  logLevel: string;
}

export interface PageMeter {
  name: string;
  model: string;
  intervalMs: number;
  /** Of the quantities that are read most rarely, where some are. */
  slowestMs?: number;
}

/** What the thread says to the collector. */
export type FromPage =
  /** It takes requests from now on. */
  | { kind: 'listening' }
  /** So many outcomes were taken since the start of the thread. */
  | { kind: 'taken'; count: number }
  /** Nobody has looked for a while. */
  | { kind: 'idle' };

/** The abstract socket (unix(7)) of a page: no file to clean up. */
export const passagePath = (name: string) => `\0energy-monitor-page-${name}`;
