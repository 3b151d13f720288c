/** What a store holds under a name. */
export interface StoredObject {
  name: string;
  bytes: number;
  /** UTC ms by the store's own clock, which the Pi's need not agree with. */
  modifiedMs: number;
}

/** Where a repository lies. Names have slashes, objects are whole or not there. */
export interface Store {
  /** For people, without secrets: a directory, a container's URL. */
  readonly label: string;
  /** True where the store itself has compared what arrived with what was sent: it need not be read back. */
  readonly provesWrites: boolean;
  /** UTC ms at which the credential ends; undefined where it does not say so. */
  readonly expiresMs?: number | undefined;
  /**
   * Writes an object; durable when it resolves.
   * @param data at most OBJECT_BYTES and what encryption adds
   * @returns false when there is another one of that name; it stays as it is
   */
  put(name: string, data: Uint8Array): Promise<boolean>;
  /** @returns undefined when there is none */
  get(name: string): Promise<Buffer | undefined>;
  /** Everything whose name begins so, in the order of names. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Nothing happens when it is not there. @throws AgentError `permission` for a store that may only be written to */
  remove(name: string): Promise<void>;
  /** Whether `remove` is allowed here; found out without removing anything. */
  canRemove(): Promise<boolean>;
}

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
