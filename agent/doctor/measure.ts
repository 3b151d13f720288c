import type { MeterModel } from '../meters/model.ts';
import { planReads } from '../meters/planner.ts';
import { DEFAULT_TIMING } from '../modbus/bus.ts';
import { characterMs, readWireMs } from '../modbus/connection.ts';
import type { LineCounters } from '../system/terminal.ts';
import type { Line, Question } from './line.ts';
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

/** The shortest and the longest read that a reading of the model takes. */
export function questionsFor(unit: number, model: MeterModel | undefined, line: Line): [Question, Question] {
  const probe = { unit, functionCode: 3, address: 0x0002 } as const;
  if (!model)
    return [
      { ...probe, count: 1 },
      { ...probe, count: 2 },
    ];
  const { blocks } = planReads(model.fields, {
    cost: (count) => readWireMs(line.wire, count) + Math.max(20, model.pauseMs),
    maxBlock: model.maxBlock,
  });
  const longest = blocks.reduce((a, b) => (b.count > a.count ? b : a));
  const [first] = [...model.fields].sort((a, b) => a.words - b.words);
  const { functionCode, address, words } = first ?? { ...longest, words: 1 };
  return [
    { unit, functionCode, address, count: words },
    { unit, functionCode: longest.functionCode, address: longest.address, count: longest.count },
  ];
}

/**
 * Asks a meter again and again.
 * @param forMs how long
 * @param onProgress told of each reply
 * @throws AgentError when the line is gone; what the signal of the line says
 */
export async function measure(
  line: Line,
  questions: readonly [Question, Question],
  model: MeterModel | undefined,
  forMs: number,
  onProgress?: (measured: Measured, leftMs: number) => void,
): Promise<Measured> {
  const [short, long] = questions.map(({ count }) => ({ registers: count, requests: 0, failed: 0 })) as [Tally, Tally];
  const patienceMs = model?.responseMs ?? DEFAULT_TIMING.responseMs;
  const counts = { echoes: 0, withStrays: 0, late: 0, quietBytes: 0, quietMs: 0, foreignFrames: 0 };
  const kinds: Measured['kinds'] = {};
  const timesMs: number[] = [];
  const before = line.counters();
  const startedAt = performance.now();
  const now = (): Measured => {
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
  };
  for (let index = 0; performance.now() - startedAt < forMs; index++) {
    const question = questions[index % 2] ?? questions[0];
    const tally = index % 2 === 0 ? short : long;
    const quiet = await line.listen(QUIET_EACH_MS);
    counts.quietMs += QUIET_EACH_MS;
    counts.quietBytes += quiet.length;
    counts.foreignFrames += framesIn(quiet).length;
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
    onProgress?.(now(), forMs - (performance.now() - startedAt));
  }
  return now();
}
