import { AgentError } from '../system/errors.ts';
import { type Store, storeWith } from './store.ts';

/** A store from which nothing is removed, whatever its credential could do. */
export function writeOnly(store: Store): Store {
  return storeWith(store, {
    remove: async () => {
      throw new AgentError('permission', `${store.label} is write-only`, {
        hint: 'prune it from a machine that may remove, with a configuration of its own',
      });
    },
    canRemove: async () => false,
  });
}
