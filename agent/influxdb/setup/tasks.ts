import type { TaskScript } from './downsampling.ts';
import type { Home } from './home.ts';
import { right, type Step } from './step.ts';

interface Task {
  id: string;
  name: string;
  flux: string;
  status: string;
}

/** A task of the server, with the script of this version. */
export function task(home: Home, { name, flux, description }: TaskScript): Step {
  const what = `task ${name}`;
  return {
    name: what,
    look: async () => {
      const { orgId, access } = home;
      const { api } = access;
      const answer =
        orgId === undefined
          ? undefined
          : await api?.get<{ tasks?: Task[] }>(what, '/api/v2/tasks', { orgID: orgId, name });
      const found = answer?.tasks?.find((candidate) => candidate.name === name);
      if (!found) {
        return {
          state: 'missing',
          would: `would be created, ${description}`,
          change: async () => {
            await api?.send(what, 'POST', '/api/v2/tasks', { orgID: orgId, flux, description });
            return `created, ${description}`;
          },
        };
      }
      if (found.flux !== flux) {
        return {
          state: 'missing',
          would: 'would be brought up to date',
          change: async () => {
            await api?.send(what, 'PATCH', `/api/v2/tasks/${found.id}`, { flux, description });
            return 'brought up to date';
          },
        };
      }
      if (found.status !== 'active') return { state: 'kept', said: 'there already, but switched off; left as it is' };
      return right();
    },
  };
}
