import { AgentError } from '../../system/errors.ts';
import type { VictoriaMetricsApi } from './api.ts';
import { DAY_MS, HOUR_MS } from './tallies.ts';

/** What a server tells of itself; undefined is what it does not tell. */
export interface ServerLook {
  /** So long it keeps samples; older ones it drops without a word. */
  retentionMs: number | undefined;
  /** The flag as it stands. */
  retention: string | undefined;
  /** Of samples closer together than this it shows one. 0: it keeps and shows what was sent twice, twice. */
  dedup: string | undefined;
  /** On the disk of its data, above the limit below which it takes nothing. */
  freeBytes: number | undefined;
}

const UNKNOWN: ServerLook = { retentionMs: undefined, retention: undefined, dedup: undefined, freeBytes: undefined };

/** As the server reads its flags: without a letter, months. */
const UNITS_MS: Record<string, number> = { '': 31 * DAY_MS, h: HOUR_MS, d: DAY_MS, w: 7 * DAY_MS, y: 365 * DAY_MS };

/**
 * Flags and disk of a VictoriaMetrics, from its /metrics. It can be closed (-metricsAuthKey, a proxy): then nothing is known.
 * @throws AgentError without an answer
 */
export async function lookAt(api: VictoriaMetricsApi): Promise<ServerLook> {
  let text: string;
  try {
    text = await api.text('/metrics', {});
  } catch (error) {
    if (error instanceof AgentError && !error.retryable && error.code !== 'config') return UNKNOWN;
    throw error;
  }
  const flag = (name: string) => new RegExp(`^flag\\{name="${name}", value="([^"]*)"`, 'm').exec(text)?.[1];
  const gauge = (name: string) => {
    const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const retention = flag('retentionPeriod');
  const free = gauge('vm_free_disk_space_bytes');
  return {
    retention,
    retentionMs: retention === undefined ? undefined : durationMs(retention),
    dedup: flag('dedup\\.minScrapeInterval'),
    freeBytes: free === undefined ? undefined : free - (gauge('vm_free_disk_space_limit_bytes') ?? 0),
  };
}

function durationMs(text: string): number | undefined {
  const [, number, unit = ''] = /^([\d.]+)([hdwy]?)$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (UNITS_MS[unit] ?? Number.NaN);
}
