import type { LiveFeed } from './live-feed.ts';
import type { PageOptions } from './options.ts';

/** What a route may look at. */
export interface Place
  extends Pick<PageOptions, 'stateDir' | 'runtimeDirectory' | 'timeZone' | 'meters' | 'web' | 'configured'> {
  feed: LiveFeed;
  /** Open streams. */
  streams(): number;
  /** Requests that were answered since the start of the page's thread, by status. */
  requests: ReadonlyMap<number, number>;
  nowMs(): number;
}
