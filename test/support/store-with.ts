import type { Store } from '../../agent/backup/store.ts';

/** A store that does some things otherwise. */
export function storeWith(store: Store, other: Partial<Store>): Store {
  return {
    label: store.label,
    provesWrites: store.provesWrites,
    expiresMs: store.expiresMs,
    put: (name, data) => store.put(name, data),
    get: (name) => store.get(name),
    list: (prefix) => store.list(prefix),
    remove: (name) => store.remove(name),
    canRemove: () => store.canRemove(),
    ...other,
  };
}
