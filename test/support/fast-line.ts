import { onTestFinished } from 'vitest';
import { Guard } from '../../agent/collector/guard.ts';
import { MeterLoop, type Outcome } from '../../agent/collector/meter-loop.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { type BusTiming, DEFAULT_TIMING } from '../../agent/modbus/bus.ts';
import type { Wire } from '../../agent/modbus/connection.ts';
import type { Gap, Reading, Values } from '../../agent/readings/reading.ts';
import type { FaultRates } from '../../agent/simulator/fault-names.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { Link } from '../../agent/sources/link.ts';
import { ModbusMeter } from '../../agent/sources/modbus-meter.ts';
import type { Memory } from '../../agent/sources/source.ts';
import { systemClock } from '../../agent/system/clock.ts';
import { openLine, type Transport } from './open-line.ts';
import { restlessLoad } from './restless-load.ts';
import { silentLog } from './silent-log.ts';

/** Everything runs this many times as fast as a real line: a second lasts 50 ms, 9600 baud are 192000. */
export const SPEED_UP = 20;
const STEP_MS = 1000 / SPEED_UP;
const WIRE: Wire = { baudRate: 9600 * SPEED_UP, parity: 'even', dataBits: 8, stopBits: 1 };

/** The time-outs scaled alike, but none below what the event loop can keep. */
const TIMING: BusTiming = {
  responseMs: DEFAULT_TIMING.responseMs / SPEED_UP,
  settleMs: 2,
  stallMs: 6,
  lateReplyMs: DEFAULT_TIMING.lateReplyMs / SPEED_UP,
};

export interface FastRunOptions {
  seed: number;
  ticks: number;
  faults: FaultRates;
  transport: Transport;
  /** Changes to the bus's patience, to show what happens without it. */
  timing?: Partial<BusTiming>;
}

export interface FastRun {
  readings: Reading[];
  gaps: Gap[];
  outcomes: Outcome[];
  /** Faults that struck. */
  struck: number;
  /** The meter's registers by the time each state began. */
  truth: { timeMs: number; values: Values }[];
}

export function memoryOf(): Memory {
  const kept = new Map<string, unknown>();
  return { load: (key) => kept.get(key), save: (key, value) => void kept.set(key, structuredClone(value)) };
}

/** Runs the real loop, source, bus and transport against a virtual meter with faults, 20 times as fast as a real line. */
export async function fastRun({ seed, ticks, faults, transport, timing }: FastRunOptions): Promise<FastRun> {
  const run: FastRun = { readings: [], gaps: [], outcomes: [], struck: 0, truth: [] };
  const meter = new VirtualMeter(
    {
      model: WE_515,
      load: restlessLoad(seed, STEP_MS),
      stepMs: STEP_MS,
      onStep: (timeMs, values) => void run.truth.push({ timeMs, values }),
    },
    Date.now(),
  );
  const { connector, close } = await openLine(transport, WIRE, {
    slave: new Slave(new Map([[1, meter]])),
    random: seededRandom(seed),
    faults,
    wire: WIRE,
    timeScale: 1 / SPEED_UP,
    adapterStepMs: 2,
    onFault: () => run.struck++,
  });
  const link = new Link(connector, silentLog, { timing: { ...TIMING, ...timing }, retryMs: 25, stuckMs: 400 });
  const memory = memoryOf();
  const source = new ModbusMeter({ name: 'house', model: WE_515, unit: 1, link, memory });
  const stop = new AbortController();
  const loop = new MeterLoop({
    source,
    guard: new Guard(WE_515),
    journal: { append: (reading) => void run.readings.push(reading), appendGap: (gap) => void run.gaps.push(gap) },
    memory,
    clock: systemClock,
    log: silentLog,
    intervalMs: STEP_MS,
    onOutcome: (outcome) => {
      run.outcomes.push(outcome);
      if (run.outcomes.length >= ticks) stop.abort();
    },
  });
  onTestFinished(close);
  await link.start();
  await loop.run(stop.signal);
  await link.stop();
  await close();
  return run;
}

/**
 * Values that the meter never showed while the reading was taken. A reading takes several requests, so each value may be
 * that of any state between the reading's start and its end; one state more at the start, since the registers may have
 * changed just after their time was taken.
 * @param stepMs how often the registers change
 */
export function wrongValues({ readings, truth }: Pick<FastRun, 'readings' | 'truth'>, stepMs = STEP_MS): string[] {
  const wrong: string[] = [];
  for (const { timeMs, values } of readings) {
    const startMs = timeMs + (values.start_offset ?? 0) * 1000;
    const endMs = startMs + (values.duration ?? 0) * 1000 + 1;
    const states = truth.filter((state) => state.timeMs > startMs - stepMs - 1 && state.timeMs <= endMs);
    for (const { quantity } of WE_515.fields) {
      if (states.some((state) => state.values[quantity] === values[quantity])) continue;
      wrong.push(
        `${quantity} at ${timeMs} is ${values[quantity]}, was ${states.map((state) => state.values[quantity]).join(' or ')}`,
      );
    }
  }
  return wrong;
}
