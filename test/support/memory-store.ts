import type { Store } from '../../agent/backup/store.ts';

/** A store in memory, for looking at each of its bits. */
export function memoryStore(contents: Map<string, Buffer>, label = 'memory'): Store {
  return {
    label,
    provesWrites: false,
    put: async (name, data) => {
      if (contents.has(name)) return false;
      contents.set(name, Buffer.from(data));
      return true;
    },
    get: async (name) => contents.get(name),
    async *list(prefix) {
      for (const name of [...contents.keys()].sort()) {
        if (name.startsWith(prefix)) yield { name, bytes: contents.get(name)?.length ?? 0, modifiedMs: 0 };
      }
    },
    remove: async (name) => void contents.delete(name),
    canRemove: async () => true,
  };
}

/** What a store holds. */
export async function contentsOf(store: Store): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for await (const { name } of store.list('')) contents.set(name, (await store.get(name)) ?? Buffer.alloc(0));
  return contents;
}
