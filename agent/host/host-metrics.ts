import type { Reading, Values } from '../readings/reading.ts';
import { collectorProcess } from './collector-process.ts';
import { cpuFrequency } from './cpu.ts';
import { cpuLoadSince } from './cpu-history.ts';
import { diskSpace, diskWritten } from './disk.ts';
import { hostName, machineModel, uptimeAndLoad } from './machine.ts';
import { memory } from './memory.ts';
import { network } from './network.ts';
import { cpuTemperature, temperatureOfSensors } from './temperature.ts';
import { throttling } from './throttling.ts';
import { units } from './units.ts';

export interface HostOptions {
  /** Whose disk is looked at, and whose collector. */
  stateDir: string;
  /** A file in memory that keeps the CPU's counters for the next run; without it the load is that of a moment. */
  cpuCountersPath?: string;
  /** Where /proc and /sys are. */
  root?: string;
  nowMs?: number;
  /** What the agent says of itself. */
  agent?: () => Values;
}

export interface HostMetrics {
  reading: Reading;
  decimals: Record<string, number>;
}

/**
 * How the machine is, as one reading of measurement `host`. What a machine has no sensor for is absent, not zero; a source
 * that fails takes nothing else with it.
 */
export async function gatherHost(options: HostOptions): Promise<HostMetrics> {
  const { stateDir, cpuCountersPath, root = '/', nowMs = Date.now() } = options;
  // The load comes first: what the other sources cost is not the machine's.
  const sources: (() => Values | Promise<Values>)[] = [
    () => cpuLoadSince(root, cpuCountersPath),
    () => cpuTemperature(root, temperatureOfSensors),
    () => cpuFrequency(root),
    () => throttling(root),
    () => memory(root),
    () => diskSpace(stateDir),
    () => diskWritten(root, stateDir),
    () => network(root),
    () => uptimeAndLoad(root),
    () => collectorProcess(root, stateDir),
    () => units(root),
    () => options.agent?.() ?? {},
  ];
  const values: Values = {};
  const decimals: Record<string, number> = {};
  for (const source of sources) {
    for (const [name, value] of Object.entries(await quietly(source))) {
      if (!Number.isFinite(value)) continue;
      const places = decimalsOf(name);
      decimals[name] = places;
      values[name] = Math.round(value * 10 ** places) / 10 ** places;
    }
  }
  const series = { measurement: 'host', meter: hostName(root), model: machineModel(root) };
  return { reading: { series, timeMs: Math.floor(nowMs / 1000) * 1000, values }, decimals };
}

async function quietly(source: () => Values | Promise<Values>): Promise<Values> {
  try {
    return await source();
  } catch {
    return {};
  }
}

/** More would be noise of the sensor, and bytes on the card. */
function decimalsOf(name: string): number {
  if (name.endsWith('_percent') || name.endsWith('_celsius')) return 1;
  return /^load_\d+m$/.test(name) ? 2 : 0;
}
