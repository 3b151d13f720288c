import type { LiveFeed } from './live-feed.ts';
import type { PageOptions } from './options.ts';

/** What a route may look at. */
export interface Place extends Pick<PageOptions, 'stateDir' | 'runtimeDirectory' | 'timeZone' | 'meters' | 'web'> {
  feed: LiveFeed;
  /** Open streams. */
  streams(): number;
  nowMs(): number;
}
