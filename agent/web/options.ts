import type { Config } from '../config/schema.ts';

export type WebConfig = Config['web'];

/** What the page's thread is started with; nothing in it is a secret but the hash of the password. */
export interface PageOptions {
  stateDir: string;
  /** Where the collector keeps its status. */
  runtimeDirectory: string;
  timeZone: string | undefined;
  meters: readonly PageMeter[];
  web: WebConfig;
  /** Of the collector's own log. */
  logLevel: string;
  /** Where the port is taken, the next that is free: for a person who tries it. */
  nextPort: boolean;
}

export interface PageMeter {
  name: string;
  model: string;
  intervalMs: number;
}

/** What the thread says to the collector. */
export type FromPage =
  | { kind: 'listening'; url: string }
  /** So many outcomes were taken since the start of the thread. */
  | { kind: 'taken'; count: number };
