import { setUp } from '../../support/influxd.ts';
import type { Asker } from './recording.ts';

/** 2026-03-01T00:00:00Z */
export const FIRST_S = 1_772_323_200;
export const DAYS = 3;

/** Seconds with a point, of a day. */
export const secondsOf = (day: number, count = 20): number[] =>
  Array.from({ length: count }, (_, i) => FIRST_S + day * 86_400 + i);

export const linesOf = (seconds: readonly number[], meter = 'house'): string[] =>
  seconds.map((s) => `energy,meter=${meter} voltage=${230 + (s % 7) / 10} ${s}`);

/** Writes lines with times in seconds. */
export async function write(url: string, token: string, lines: readonly string[], bucket = 'energy'): Promise<void> {
  const answer = await fetch(`${url}/api/v2/write?org=home&bucket=${bucket}&precision=s`, {
    method: 'POST',
    headers: { authorization: `Token ${token}` },
    body: lines.join('\n'),
  });
  if (answer.status !== 204) throw new Error(await answer.text());
}

/** Days of points in bucket `energy` of a new server, whose shards are a day each; shard ids are from 1. */
export async function fill(url: string, days = DAYS, perDay = 20): Promise<Record<Asker, string>> {
  // Its own bucket gets shards of a week.
  const { token: operator } = await setUp(url, 'other');
  const post = async (path: string, body: unknown) => {
    const headers = { authorization: `Token ${operator}` };
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as { token: string };
  };
  const found = await fetch(`${url}/api/v2/orgs`, { headers: { authorization: `Token ${operator}` } });
  const { orgs } = (await found.json()) as { orgs: { id: string }[] };
  const orgID = orgs[0]?.id;
  const retentionRules = [{ type: 'expire', everySeconds: 0, shardGroupDurationSeconds: 86_400 }];
  await post('/api/v2/buckets', { orgID, name: 'energy', retentionRules });
  for (let day = 0; day < days; day++) await write(url, operator, linesOf(secondsOf(day, perDay)));
  const permissions = [{ action: 'read', resource: { type: 'buckets', orgID } }];
  const reader = await post('/api/v2/authorizations', { orgID, permissions });
  return { operator, reader: reader.token, stranger: 'nobody' };
}
