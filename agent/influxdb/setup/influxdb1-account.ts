import { readPrivateFile, writePrivateFile } from '../../system/private-file.ts';
import { type Api, permits } from './api.ts';
import { makePassword } from './first-setup.ts';
import { identifier, literal, rows, statement } from './influxql.ts';
import { type Finding, type Step, secretIn } from './step.ts';

export interface AccountPlan {
  what: 'writer' | 'reader';
  file: string;
  /** Name of this machine: each has users of its own. */
  machine: string;
  databases: readonly string[];
  replace: boolean;
  withToken: (token: string) => Api;
  /** Undefined while there is no admin, in a dry run. */
  admin: () => Api | undefined;
}

/** `user:password`, as 1.8 takes it for a token. */
export function parts(token: string): { user: string; secret: string } {
  const colon = token.indexOf(':');
  return { user: token.slice(0, Math.max(colon, 0)), secret: token.slice(colon + 1) };
}

async function mayUse(api: Api, database: string, what: AccountPlan['what']): Promise<boolean> {
  const doing = `trying a user on database ${database}`;
  if (what === 'reader') {
    return permits(api.client, doing, await statement(api, 'SELECT * FROM "energy" LIMIT 1', database), [200]);
  }
  const request = { method: 'POST', query: { bucket: database }, body: '# may this user write here?' } as const;
  return permits(api.client, doing, await api.ask('/api/v2/write', request), [204, 400]);
}

/**
 * A user of 1.8 with rights on the databases. Its file is there before it is: a run that was broken off goes on with that password.
 */
export function userAccount({ what, file, machine, databases, replace, withToken, admin }: AccountPlan): Step {
  const user = `energy-monitor-${what}-${machine}`;
  const name = `${what} token`;
  const privilege = what === 'writer' ? 'WRITE' : 'READ';
  const said = `in ${file}, ${what === 'writer' ? 'writes' : 'reads'} ${databases.join(', ')}`;

  const change = async (exists: boolean, kept: string | undefined): Promise<string> => {
    const api = admin();
    if (!api) throw new Error('no admin');
    const secret = kept === undefined ? makePassword() : parts(kept).secret;
    if (kept === undefined) writePrivateFile(file, `${user}:${secret}`);
    await rows(
      api,
      name,
      exists
        ? `SET PASSWORD FOR ${identifier(user)} = ${literal(secret)}`
        : `CREATE USER ${identifier(user)} WITH PASSWORD ${literal(secret)}`,
    );
    for (const database of databases) {
      await rows(api, name, `GRANT ${privilege} ON ${identifier(database)} TO ${identifier(user)}`);
    }
    return said;
  };

  return {
    name,
    look: async (): Promise<Finding> => {
      const api = admin();
      const kept = readPrivateFile(file);
      const users = api ? await rows(api, name, 'SHOW USERS') : [];
      const exists = users.some((row) => row.user === user);
      const own = kept !== undefined && parts(kept).user === user ? kept : undefined;
      let known = false;
      if (kept !== undefined && api) {
        const allowed = await Promise.all(databases.map((database) => mayUse(withToken(kept), database, what)));
        if (allowed.every(Boolean)) return secretIn(file, `there already, in ${file}`);
        const asUser = withToken(kept);
        const asked = await statement(asUser, 'SHOW DATABASES');
        known = permits(asUser.client, `trying the user of ${file}`, asked, [200, 403]);
      }
      const goOn = own !== undefined && (!exists || known);
      if (goOn) return { state: 'missing', would: `would be ${said}`, change: () => change(exists, own) };
      if ((exists || kept !== undefined) && !replace) {
        const why =
          kept === undefined
            ? `user ${user} exists, its password is not in ${file}`
            : `${file} does not fit this server`;
        return { state: 'wrong', said: `${why}; --replace makes a new one` };
      }
      return { state: 'missing', would: `would be ${said}`, change: () => change(exists, undefined) };
    },
  };
}
