import type { Access } from './first-setup.ts';

export interface Bucket {
  id: string;
  name: string;
  retentionS: number;
  shardS: number;
}

/** What the steps found or made, for the steps after them. */
export interface Home {
  access: Access;
  /** Undefined when there is no such organisation, in a dry run. */
  orgId: string | undefined;
  buckets: Map<string, Bucket>;
}
