import type { MeterModel } from '../meters/model.ts';
import { characterMs } from '../modbus/connection.ts';
import type { LineCounters } from '../system/terminal.ts';
import type { Line, Question } from './line.ts';
import type { Questions } from './questions.ts';
import { framesIn, type ReplyKind } from './reply.ts';
import { difference } from './search.ts';

/** Reads of one length, and how many of them failed. */
export interface Tally {
  registers: number;
  requests: number;
  failed: number;
}

/** What a line did while it was asked for a while. */
export interface Measured {
  forMs: number;
  requests: number;
  failed: number;
  kinds: Partial<Record<ReplyKind, number>>;
  /** The shortest read and the longest that the model needs: what reflects and what disturbs harms long replies more. */
  short: Tally;
  long: Tally;
  /** ms from the end of the request to the first byte of its reply. */
  latency: Latency | undefined;
  /** Replies that began later than the collector waits. */
  late: number;
  /** How long the collector waits, ms. */
  patienceMs: number;
  echoes: number;
  /** Replies with bytes before or after them. */
  withStrays: number;
  /** What came while nobody was asked. */
  quietBytes: number;
  quietMs: number;
  /** Good frames of others in that time. */
  foreignFrames: number;
  counted: LineCounters | undefined;
}

export interface Latency {
  leastMs: number;
  medianMs: number;
  p99Ms: number;
  mostMs: number;
  /** Replies up to each bound, ms; the last has none. */
  histogram: { upToMs: number | undefined; replies: number }[];
}

const BOUNDS_MS = [5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000];
const WAIT_MS = 1000;
const QUIET_EACH_MS = 40;
/** After a failure the line is let come to rest. */
const REST_MS = 60;

/** Statistics of first bytes; undefined of none. */
export function latencyOf(timesMs: readonly number[]): Latency | undefined {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  if (sorted.length === 0) return undefined;
  const histogram = [...BOUNDS_MS, undefined].map((upToMs, i) => {
    const fromMs = i === 0 ? -1 : (BOUNDS_MS[i - 1] ?? 0);
    return { upToMs, replies: sorted.filter((ms) => ms > fromMs && ms <= (upToMs ?? Number.POSITIVE_INFINITY)).length };
  });
  return { leastMs: at(0), medianMs: at(0.5), p99Ms: at(0.99), mostMs: at(1), histogram };
}

/** An answer to what we asked, that came when we had given it up. */
function isLate(frame: Buffer, ...asked: readonly Question[]): boolean {
  return asked.some(
    ({ unit, functionCode, count }) =>
      frame[0] === unit &&
      (frame[1] === (functionCode | 0x80) || (frame[1] === functionCode && frame[2] === count * 2)),
  );
}

export interface MeasureOptions {
  forMs: number;
  /** How long the collector waits for the first byte. */
  patienceMs: number;
  signal: AbortSignal;
  /** Told of each reply. */
  onProgress?: (requests: number, failed: number, leftMs: number) => void;
}

/**
 * Asks a meter again and again.
 * @param options how long, unless the signal of the line ends it before: what was measured until then is returned
 * @throws AgentError when the line is gone
 */
export async function measure(
  line: Line,
  { short: shortRead, long: longRead }: Questions,
  model: MeterModel | undefined,
  { forMs, patienceMs, signal, onProgress }: MeasureOptions,
): Promise<Measured> {
  const [short, long] = [shortRead, longRead].map(({ count }) => ({ registers: count, requests: 0, failed: 0 })) as [
    Tally,
    Tally,
  ];
  const counts = { echoes: 0, withStrays: 0, late: 0, quietBytes: 0, quietMs: 0, foreignFrames: 0 };
  const kinds: Measured['kinds'] = {};
  const timesMs: number[] = [];
  const before = line.counters();
  const startedAt = performance.now();
  try {
    for (let index = 0; performance.now() - startedAt < forMs; index++) {
      const question = index % 2 === 0 ? shortRead : longRead;
      const tally = index % 2 === 0 ? short : long;
      const quiet = await line.listen(QUIET_EACH_MS);
      counts.quietMs += QUIET_EACH_MS;
      counts.quietBytes += quiet.length;
      counts.foreignFrames += framesIn(quiet).filter((frame) => !isLate(frame, shortRead, longRead)).length;
      const heard = await line.ask(question, WAIT_MS, model?.pauseMs ?? 0);
      const isGood = heard.kind === 'answer' || (heard.kind === 'exception' && !model);
      kinds[heard.kind] = (kinds[heard.kind] ?? 0) + 1;
      tally.requests++;
      if (!isGood) tally.failed++;
      if (heard.hasEcho) counts.echoes++;
      if (isGood && heard.strays > 0) counts.withStrays++;
      if (isGood && heard.firstByteMs !== undefined) {
        // Our own echo comes first: then the reply's beginning is reckoned from its end.
        const replyMs = line.isSerial ? (5 + 2 * question.count) * characterMs(line.wire) : 0;
        const firstByteMs = heard.hasEcho ? Math.max(0, heard.wholeMs - replyMs) : heard.firstByteMs;
        timesMs.push(firstByteMs);
        if (firstByteMs > patienceMs) counts.late++;
      }
      if (!isGood) await line.listen(REST_MS);
      onProgress?.(short.requests + long.requests, short.failed + long.failed, forMs - (performance.now() - startedAt));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const after = line.counters();
  return {
    forMs: Math.round(performance.now() - startedAt),
    requests: short.requests + long.requests,
    failed: short.failed + long.failed,
    kinds,
    short,
    long,
    latency: latencyOf(timesMs),
    patienceMs,
    ...counts,
    counted: before && after ? difference(after, before) : undefined,
  };
}
