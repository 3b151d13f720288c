import { AgentError } from '../system/errors.ts';
import type { Store } from './store.ts';

/** A store from which nothing is removed, whatever its credential could do. */
export function writeOnly(store: Store): Store {
  return {
    label: store.label,
    provesWrites: store.provesWrites,
    expiresMs: store.expiresMs,
    put: (name, data) => store.put(name, data),
    get: (name) => store.get(name),
    list: (prefix) => store.list(prefix),
    remove: async () => {
      throw new AgentError('permission', `${store.label} is write-only`, {
        hint: 'prune it from a machine that may remove, with a configuration of its own',
      });
    },
    canRemove: async () => false,
  };
}
