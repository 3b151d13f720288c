import type { Home } from './home.ts';
import { right, type Step } from './step.ts';

interface Org {
  id: string;
  name: string;
}

export function organisation(home: Home, name: string): Step {
  return {
    name: `organisation ${name}`,
    look: async () => {
      const { api } = home.access;
      const found = await api?.find<{ orgs?: Org[] }>('looking for the organisation', '/api/v2/orgs', { org: name });
      const org = found?.orgs?.find((candidate) => candidate.name === name);
      home.orgId = org?.id;
      if (org) return right();
      return {
        state: 'missing',
        would: 'would be created',
        change: async () => {
          const made = await api?.send<Org>(`organisation ${name}`, 'POST', '/api/v2/orgs', { name });
          home.orgId = made?.id;
          return 'created';
        },
      };
    },
  };
}
