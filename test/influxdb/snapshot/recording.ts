import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { REPOSITORY } from '../../support/child.ts';
import type { ScriptedAnswer } from '../../support/scripted-server.ts';

export const RECORDING = join(REPOSITORY, 'test/influxdb/fixtures/snapshot-2.9.1.json');

/** Who asks. */
export type Asker = 'operator' | 'reader' | 'stranger';

export interface Exchange {
  asker: Asker;
  /** With `since` where it was asked for, whatever its time. */
  path: string;
  status: number;
  headers: Record<string, string>;
  /** As it came, in base64. */
  body: string;
}

/** What an InfluxDB 2.9.1 answered; made anew by `node test/influxdb/snapshot/record.ts`. */
export function recorded(): Exchange[] {
  return JSON.parse(readFileSync(RECORDING, 'utf8')) as Exchange[];
}

/** The asker's name is the token. */
export function replay(exchanges: readonly Exchange[]): (path: string, incoming: IncomingMessage) => ScriptedAnswer {
  return (path, incoming) => {
    const asker = String(incoming.headers.authorization ?? '').replace('Token ', '');
    const wanted = path.replace(/since=.*/, 'since');
    const found = exchanges.find((one) => one.path === wanted && (one.asker === asker || /health|metrics/.test(path)));
    if (!found) return { status: 500, body: `not recorded: ${asker} ${wanted}` };
    const { status, headers, body } = found;
    return { status, headers, body: Buffer.from(body, 'base64'), chunked: true };
  };
}

export function exchange(path: string, asker: Asker = 'operator'): Exchange {
  const found = recorded().find((one) => one.path === path && one.asker === asker);
  if (!found) throw new Error(`${path} is not recorded`);
  return found;
}
