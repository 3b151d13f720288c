import type { RestoreServer } from './restore-server.ts';

/** What names a bucket by its id, and so goes on meaning the one that was replaced. */
export interface BoundToBucket {
  kind: 'token' | 'InfluxQL mapping' | 'replication' | 'task';
  /** For a person: what it is called. */
  name: string;
}

interface Authorization {
  id: string;
  description?: string;
  permissions?: { resource?: { type?: string; id?: string } }[];
}

/** Tokens, explicit mappings, replications and tasks that hold a bucket's id. Those that go by its name are not among them. */
export async function boundTo(server: RestoreServer, orgID: string, bucketId: string): Promise<BoundToBucket[]> {
  const list = async <T>(what: string, path: string, query: Record<string, string> = {}): Promise<Partial<T>> => {
    // Not each version has each of them.
    const { status, body } = await server.ask<T>(`looking for ${what}`, path, {
      query: { orgID, ...query },
      accepts: [404],
    });
    return status === 404 ? {} : body;
  };
  const { authorizations } = await list<{ authorizations: Authorization[] }>('tokens', '/api/v2/authorizations');
  const { content } = await list<{ content: { id: string; database: string; bucketID: string; virtual?: boolean }[] }>(
    'InfluxQL mappings',
    '/api/v2/dbrps',
  );
  const { replications } = await list<{ replications: { name: string; localBucketID: string }[] }>(
    'replications',
    '/api/v2/replications',
  );
  const { tasks } = await list<{ tasks: { name: string; flux?: string }[] }>('tasks', '/api/v2/tasks', {
    limit: '500',
  });
  return [
    ...(authorizations ?? [])
      .filter(({ permissions }) => permissions?.some(({ resource }) => resource?.id === bucketId))
      .map(({ id, description }) => ({ kind: 'token' as const, name: description || id })),
    ...(content ?? [])
      .filter((one) => one.bucketID === bucketId && one.virtual !== true)
      .map(({ database }) => ({ kind: 'InfluxQL mapping' as const, name: database })),
    ...(replications ?? [])
      .filter(({ localBucketID }) => localBucketID === bucketId)
      .map(({ name }) => ({ kind: 'replication' as const, name })),
    ...(tasks ?? [])
      .filter(({ flux }) => flux?.includes(bucketId))
      .map(({ name }) => ({ kind: 'task' as const, name })),
  ];
}
