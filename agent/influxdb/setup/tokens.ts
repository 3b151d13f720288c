import { readPrivateFile, writePrivateFile } from '../../system/private-file.ts';
import { type Api, permits } from './api.ts';
import type { Home } from './home.ts';
import type { SetupOptions } from './options.ts';
import { type Finding, type Step, secretIn } from './step.ts';

interface Authorization {
  id: string;
  token: string;
  description: string;
}

export interface TokenPlan {
  what: 'writer' | 'reader';
  file: string;
  /** Names of the buckets it may write to or read from. */
  write: readonly string[];
  read: readonly string[];
}

/** A comment, which is no point: what comes back is only whether it might have been one. */
const NOTHING = '# may this token write here?';

/** Whether the server lets the token of these requests write to a bucket. @throws AgentError when it says neither */
export async function mayWrite(api: Api, org: string, bucket: string): Promise<boolean> {
  const response = await api.ask('/api/v2/write', {
    method: 'POST',
    query: { org, bucket, precision: 'ms' },
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: NOTHING,
  });
  // 400: it got as far as the missing points.
  return permits(api.client, `trying a token on bucket ${bucket}`, response, [204, 400]);
}

/** Buckets that a token sees are those that it may read. */
async function readable(api: Api, orgID: string): Promise<Set<string>> {
  const response = await api.ask('/api/v2/buckets', { query: { orgID, limit: '100' } });
  const answered = permits(api.client, 'trying which buckets a token sees', response, [200]);
  const { buckets } = (answered ? response.body : {}) as { buckets?: { name: string }[] };
  return new Set(buckets?.map(({ name }) => name));
}

/** What a token is good for: too little, what it is meant for, or more. */
async function judge(api: Api, org: string, orgId: string, plan: TokenPlan): Promise<'refused' | 'fits' | 'too much'> {
  const names = new Set([...plan.write, ...plan.read]);
  const reads = await readable(api, orgId);
  const writes = new Set<string>();
  for (const name of names) if (await mayWrite(api, org, name)) writes.add(name);
  if (!plan.write.every((name) => writes.has(name)) || !plan.read.every((name) => reads.has(name))) return 'refused';
  return writes.size > plan.write.length || reads.size > plan.read.length ? 'too much' : 'fits';
}

/**
 * A token of its own for each purpose, in a file of its own. Servers keep only a hash of it (2.9): what is in no file is lost, and is made
 * anew. Its description names machine and file, so that only a token whose file this is gets replaced.
 */
export function token(home: Home, options: SetupOptions, plan: TokenPlan): Step {
  const { what, file } = plan;
  const description = `energy-monitor ${what} ${options.machine}:${file}`;
  const rights = [
    ...(plan.write.length > 0 ? [`writes ${plan.write.join(', ')}`] : []),
    ...(plan.read.length > 0 ? [`reads ${plan.read.join(', ')}`] : []),
  ].join('; ');

  /** Those of this file, also of a run that was broken off. */
  const listed = async (): Promise<Authorization[]> => {
    const answer = await home.access.api?.get<{ authorizations?: Authorization[] }>(
      `${what} token`,
      '/api/v2/authorizations',
      { orgID: home.orgId ?? '' },
    );
    return answer?.authorizations?.filter((one) => one.description === description) ?? [];
  };

  const create = async (): Promise<string> => {
    const { orgId, access, buckets } = home;
    const { api } = access;
    const permission = (action: 'read' | 'write') => (name: string) => ({
      action,
      resource: { type: 'buckets', id: buckets.get(name)?.id, orgID: orgId },
    });
    const made = await api?.send<Authorization>(`${what} token`, 'POST', '/api/v2/authorizations', {
      orgID: orgId,
      description,
      permissions: [...plan.write.map(permission('write')), ...plan.read.map(permission('read'))],
    });
    if (made) writePrivateFile(file, made.token);
    // Last: until here the old one is good for the agent that uses it.
    for (const { id } of await listed()) {
      if (id !== made?.id) await api?.send(`${what} token`, 'DELETE', `/api/v2/authorizations/${id}`);
    }
    return `in ${file}, ${rights}`;
  };

  return {
    name: `${what} token`,
    look: async (): Promise<Finding> => {
      const { orgId, access } = home;
      const kept = readPrivateFile(file);
      const missing: Finding = { state: 'missing', would: `would be in ${file}, ${rights}`, change: create };
      if (kept === undefined) return missing;
      const verdict = orgId === undefined ? 'refused' : await judge(access.withToken(kept), options.org, orgId, plan);
      const others = verdict === 'fits' ? (await listed()).length - 1 : 0;
      if (verdict === 'fits' && others <= 0) return secretIn(file, `there already, in ${file}`);
      if (options.replace) return missing;
      if (verdict === 'fits') {
        return {
          state: 'kept',
          said: `there already, in ${file}; the server knows ${others} more of it, --replace leaves only one`,
        };
      }
      if (verdict === 'too much') {
        return {
          state: 'kept',
          said: `there already, in ${file}; it may do more than it needs, --replace makes a narrower one`,
        };
      }
      return {
        state: 'wrong',
        said: `${file} holds another one, which does not fit this server; --replace puts a new one there`,
      };
    },
  };
}
