import { onTestFinished, vi } from 'vitest';
import { Guard } from '../../agent/collector/guard.ts';
import { MeterLoop } from '../../agent/collector/meter-loop.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Bus } from '../../agent/modbus/bus.ts';
import { BusError } from '../../agent/modbus/bus-error.ts';
import { interFrameMs, isSameWire, readWireMs, type Wire } from '../../agent/modbus/connection.ts';
import type { ReadRequest } from '../../agent/modbus/exchange.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { DEFAULT_SILENCE } from '../../agent/sources/health.ts';
import { LineQueue } from '../../agent/sources/line-queue.ts';
import { ModbusMeter } from '../../agent/sources/modbus-meter.ts';
import { Station } from '../../agent/sources/station.ts';
import type { Clock } from '../../agent/system/clock.ts';
import { memoryOf } from './fast-line.ts';
import { restlessLoad } from './restless-load.ts';
import { silentLog } from './silent-log.ts';
import { WIRE_9600 } from './virtual-line.ts';

/** A meter on a line of which only the time is made up. */
export interface SimulatedMeter {
  unit: number;
  intervalMs?: number;
  /** How long it takes to begin its answer, ms, at this time since the beginning; undefined: it gives none. */
  latencyMs?: (sinceMs: number) => number | undefined;
  responseMs?: number;
  wire?: Wire;
}

export interface SimulatedRun {
  unit: number;
  /** `R`, or the cause of the gap, of each point. */
  points: string[];
  /** From a point's second to the end of its sample, ms. */
  endsMs: number[];
  requests: number;
}

const STEADY_MS = 86_400_000;
const LATE_REPLY_MS = 3000;
const RESPONSE_MS = 250;
const SETTLE_MS = 5;
const RETUNE_MS = 5;

/** Time that passes only when a test lets it. */
const clock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => reject(signal.reason));
    }),
};

/**
 * Meters at the real pace of an RTU line, with the real loops, plans, turns and debts, for minutes that take no time: what a
 * busy machine would do to it is left out.
 */
export async function simulatedRun(meters: SimulatedMeter[], seconds: number): Promise<Map<number, SimulatedRun>> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  vi.setSystemTime(1_795_000_000_000 - 100);
  const beganMs = performance.now();
  const virtual = new Map(
    meters.map(({ unit }) => {
      const load = restlessLoad(unit, STEADY_MS);
      return [unit, new VirtualMeter({ model: WE_515, load, stepMs: STEADY_MS }, Date.now())] as const;
    }),
  );
  const runs = new Map<number, SimulatedRun>(
    meters.map(({ unit }) => [unit, { unit, points: [], endsMs: [], requests: 0 }]),
  );
  const debts = new Map<string, number>();
  let tuned: Wire = WIRE_9600;
  let busy = false;
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
  const bus: Pick<Bus, 'read' | 'owes' | 'tuned' | 'leastMs' | 'responseMs' | 'isAwaited'> = {
    tuned: () => tuned,
    isAwaited: () => false,
    leastMs: ({ count, wire = WIRE_9600 }) => readWireMs(wire, count) + interFrameMs(wire),
    responseMs: ({ responseMs = RESPONSE_MS }) => responseMs,
    owes: ({ unit, count }) => (debts.get(`${unit}/${count}`) ?? 0) > performance.now(),
    async read(
      { unit, functionCode, address, count, responseMs = RESPONSE_MS, wire = WIRE_9600 }: ReadRequest,
      deadlineMs,
    ) {
      if (busy) throw new Error('two requests at once');
      busy = true;
      try {
        await sleep(SETTLE_MS + (isSameWire(tuned, wire) ? 0 : RETUNE_MS + 2 * interFrameMs(wire)));
        tuned = wire;
        const wireMs = readWireMs(wire, count) + interFrameMs(wire);
        const patienceMs = Math.min(wireMs + responseMs, deadlineMs - performance.now());
        if (patienceMs < wireMs) throw new BusError('busy', 'no time is left for this read');
        const run = runs.get(unit);
        if (run) run.requests++;
        const character = meters.find((meter) => meter.unit === unit)?.latencyMs ?? (() => 10);
        const latencyMs = character(performance.now() - beganMs);
        if (latencyMs === undefined || wireMs + latencyMs > patienceMs) {
          await sleep(patienceMs);
          debts.set(`${unit}/${count}`, performance.now() + LATE_REPLY_MS);
          throw new BusError('timeout', 'no answer in time');
        }
        await sleep(wireMs + latencyMs);
        const result = virtual.get(unit)?.read(functionCode, address, count, Date.now());
        if (!result || !('registers' in result)) throw new BusError('exception', 'refused', { exceptionCode: 2 });
        return result.registers;
      } finally {
        busy = false;
      }
    },
  };
  const queue = new LineQueue();
  const noted = { answered: () => {}, unanswered: () => {}, problem: undefined };
  const line = { queue, silence: DEFAULT_SILENCE, bus: () => bus as unknown as Bus, ...noted };
  const stop = new AbortController();
  const loops = meters.map(({ unit, intervalMs = 1000, responseMs = RESPONSE_MS, wire = WIRE_9600 }) => {
    const run = runs.get(unit);
    const memory = memoryOf();
    const station = new Station({ intervalMs, wire, responseMs }, line);
    queue.sharers.add(station);
    const source = new ModbusMeter({ name: `unit-${unit}`, model: WE_515, unit, link: station, memory });
    station.expect(source.expected());
    return new MeterLoop({
      source,
      guard: new Guard(WE_515),
      journal: { append: () => {}, appendGap: () => {} },
      memory,
      clock,
      log: silentLog,
      intervalMs,
      onOutcome: (outcome) => {
        run?.points.push('reading' in outcome ? 'R' : outcome.cause);
        run?.endsMs.push(Date.now() - outcome.timeMs);
      },
    }).run(stop.signal);
  });
  await vi.advanceTimersByTimeAsync(seconds * 1000);
  stop.abort();
  await vi.advanceTimersByTimeAsync(5000);
  await Promise.all(loops);
  return runs;
}
