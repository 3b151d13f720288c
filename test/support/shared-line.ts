import { onTestFinished } from 'vitest';
import { Guard } from '../../agent/collector/guard.ts';
import { MeterLoop, type Outcome } from '../../agent/collector/meter-loop.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { type BusTiming, DEFAULT_TIMING } from '../../agent/modbus/bus.ts';
import type { Wire } from '../../agent/modbus/connection.ts';
import type { Gap, Reading } from '../../agent/readings/reading.ts';
import type { FaultRates } from '../../agent/simulator/fault-names.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { DEFAULT_SILENCE } from '../../agent/sources/health.ts';
import { Link } from '../../agent/sources/link.ts';
import { ModbusMeter } from '../../agent/sources/modbus-meter.ts';
import { systemClock } from '../../agent/system/clock.ts';
import { type FastRun, memoryOf } from './fast-line.ts';
import { openLine, type Transport } from './open-line.ts';
import { restlessLoad } from './restless-load.ts';
import { silentLog } from './silent-log.ts';

/** Everything runs this many times as fast as a real line: a second lasts 250 ms, 19200 baud are 76800. */
const SPEED_UP = 4;
export const SECOND_MS = 1000 / SPEED_UP;
const WIRE: Wire = { baudRate: 19200 * SPEED_UP, parity: 'even', dataBits: 8, stopBits: 1 };
const TIMING: BusTiming = {
  responseMs: 62,
  settleMs: 5,
  stallMs: 60,
  lateReplyMs: DEFAULT_TIMING.lateReplyMs / SPEED_UP,
};
const SILENCE = {
  deadAfterMs: DEFAULT_SILENCE.deadAfterMs / SPEED_UP,
  longestPauseMs: DEFAULT_SILENCE.longestPauseMs / SPEED_UP,
};

/** One of the meters on the line. */
export interface SharedMeter {
  unit: number;
  intervalMs?: number;
  /** Whether it answers at this time since the beginning, ms. */
  answers?: (sinceMs: number, random: () => number) => boolean;
  turnaroundMs?: number;
  responseMs?: number;
}

export interface SharedRunOptions {
  seed: number;
  /** Points of the first meter. */
  ticks: number;
  meters: SharedMeter[];
  transport: Transport;
  faults?: FaultRates;
}

export interface SharedRun extends FastRun {
  unit: number;
}

/** Several meters on one line, read by the real pieces, four times as fast as a real line. */
export async function sharedRun(options: SharedRunOptions): Promise<Map<number, SharedRun>> {
  const { seed, ticks, meters, transport, faults = {} } = options;
  const beganMs = Date.now();
  const random = seededRandom(seed);
  const runs = new Map<number, SharedRun>();
  const virtual = new Map<number, VirtualMeter>();
  for (const { unit } of meters) {
    const run: SharedRun = { unit, readings: [], gaps: [], outcomes: [], struck: 0, truth: [] };
    runs.set(unit, run);
    const onStep = (timeMs: number, values: Record<string, number>) => void run.truth.push({ timeMs, values });
    const load = restlessLoad(seed + unit, SECOND_MS);
    virtual.set(unit, new VirtualMeter({ model: WE_515, load, stepMs: SECOND_MS, onStep }, Date.now()));
  }
  const slave = new Slave(virtual);
  const settingOf = new Map(meters.map((meter) => [meter.unit, meter]));
  const { connector, close } = await openLine(transport, WIRE, {
    slave: {
      serve: (request, nowMs) => {
        const meter = settingOf.get(request.readUInt8(0));
        return meter?.answers?.(nowMs - beganMs, random) === false ? undefined : slave.serve(request, nowMs);
      },
    },
    random,
    faults,
    wire: WIRE,
    timeScale: 1 / SPEED_UP,
    adapterStepMs: 4,
    turnaroundMs: (unit) => settingOf.get(unit)?.turnaroundMs,
  });
  onTestFinished(close);
  const link = new Link(connector, silentLog, { timing: TIMING, silence: SILENCE, retryMs: 50, stuckMs: 500 });
  const stop = new AbortController();
  await link.start();
  const loops = meters.map((meter, i) => {
    const { unit, intervalMs = SECOND_MS, responseMs = TIMING.responseMs } = meter;
    const run = runs.get(unit);
    if (!run) throw new Error('no run');
    const memory = memoryOf();
    const station = link.join({ intervalMs, wire: WIRE, responseMs });
    const source = new ModbusMeter({ name: `unit-${unit}`, model: WE_515, unit, link: station, memory });
    station.expect(source.expected());
    return new MeterLoop({
      source,
      guard: new Guard(WE_515),
      journal: {
        append: (reading: Reading) => void run.readings.push(reading),
        appendGap: (gap: Gap) => void run.gaps.push(gap),
      },
      memory,
      clock: systemClock,
      log: silentLog,
      intervalMs,
      onOutcome: (outcome: Outcome) => {
        run.outcomes.push(outcome);
        if (i === 0 && run.outcomes.length >= ticks) stop.abort();
      },
    }).run(stop.signal);
  });
  await Promise.all(loops);
  await link.stop();
  await close();
  return runs;
}
