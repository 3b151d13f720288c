import { AgentError } from '../../system/errors.ts';
import type { RestoreServer } from './restore-server.ts';

/** A bucket as the server lists it. */
export interface ServerBucket {
  id: string;
  name: string;
  description?: string;
  /** Without one, or with 0, it keeps its points for ever. */
  retentionRules?: { everySeconds: number }[];
}

/** @returns its id; undefined when there is none of that name */
export async function findOrg(server: RestoreServer, org: string): Promise<string | undefined> {
  const doing = `looking for organisation ${org}`;
  const { body } = await server.ask<{ orgs?: { id: string; name: string }[] }>(doing, '/api/v2/orgs', {
    query: { org },
    accepts: [404],
  });
  return body?.orgs?.find(({ name }) => name === org)?.id;
}

export async function findOrMakeOrg(server: RestoreServer, org: string): Promise<{ id: string; made: boolean }> {
  const found = await findOrg(server, org);
  if (found !== undefined) return { id: found, made: false };
  const doing = `making organisation ${org}`;
  const { body } = await server.ask<{ id?: string }>(doing, '/api/v2/orgs', {
    method: 'POST',
    body: { name: org },
    // There already: an answer was lost.
    accepts: [422],
  });
  const id = body.id ?? (await findOrg(server, org));
  if (id === undefined) throw new AgentError('unavailable', `${server.url} did not make organisation ${org}`);
  return { id, made: true };
}

export async function findServerBucket(
  server: RestoreServer,
  orgID: string,
  name: string,
): Promise<ServerBucket | undefined> {
  const { body } = await server.ask<{ buckets?: ServerBucket[] }>(`looking for bucket ${name}`, '/api/v2/buckets', {
    query: { orgID, name },
    accepts: [404],
  });
  return body?.buckets?.find((bucket) => bucket.name === name);
}

/** @returns undefined when there is none of that id */
export async function serverBucket(server: RestoreServer, id: string): Promise<ServerBucket | undefined> {
  const doing = 'looking for a bucket';
  const { status, body } = await server.ask<ServerBucket>(doing, `/api/v2/buckets/${id}`, { accepts: [404] });
  return status === 404 ? undefined : body;
}

/** All of an organisation but the system's. */
export async function serverBuckets(server: RestoreServer, orgID: string): Promise<ServerBucket[]> {
  const limit = 100;
  const all: ServerBucket[] = [];
  for (let after: string | undefined; ; after = all.at(-1)?.id) {
    const { body } = await server.ask<{ buckets?: ServerBucket[] }>('listing the buckets', '/api/v2/buckets', {
      query: { orgID, limit: String(limit), ...(after === undefined ? {} : { after }) },
    });
    const page = body.buckets ?? [];
    all.push(...page);
    if (page.length < limit) return all.filter(({ name }) => !name.startsWith('_'));
  }
}

/** Nothing happens when it is gone already. */
export async function deleteBucket(server: RestoreServer, { id, name }: ServerBucket): Promise<void> {
  await server.ask(`removing bucket ${name}`, `/api/v2/buckets/${id}`, { method: 'DELETE', accepts: [404] });
}

/** @throws AgentError also when another one has that name */
export async function changeBucket(
  server: RestoreServer,
  { id, name }: ServerBucket,
  change: { name?: string; description?: string },
): Promise<void> {
  const doing = change.name === undefined ? `changing bucket ${name}` : `renaming bucket ${name} to ${change.name}`;
  await server.ask(doing, `/api/v2/buckets/${id}`, { method: 'PATCH', body: change });
}
