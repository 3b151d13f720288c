import type { StoreConfig } from './backup-schema.ts';

/** The name of a store in commands and messages: its own, or that of its kind. */
export function storeName(config: StoreConfig): string {
  return config.name ?? ('azure' in config ? 'azure' : 'directory');
}
