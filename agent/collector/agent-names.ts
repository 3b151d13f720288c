/** Names of measurement `host` that tell of the agent itself. */
export const AGENT = {
  /** Since the collector's start. */
  uptime: 'collector_uptime_seconds',
  /** Of the server that is farthest behind: from the newest reading that it has to the newest that there is. */
  lag: 'forward_lag_seconds',
  /** Of the file, and of what lies beside it until it is in the file. */
  journal: 'journal_bytes',
  /** Before each cause: points of the grid without a reading, since the collector's start. */
  gaps: 'collector_gaps_',
} as const;
