import { join } from 'node:path';
import { WE_515 } from '../../agent/meters/orno.ts';
import { PtyLine } from '../../agent/simulator/pty-line.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import type { RtuEndpointOptions } from '../../agent/simulator/rtu-endpoint.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter, type VirtualMeterOptions } from '../../agent/simulator/virtual-meter.ts';
import { restlessLoad } from './restless-load.ts';
import { afterTest } from './side-by-side.ts';
import { temporaryDirectory } from './temporary.ts';

export interface VirtualLineOptions extends Partial<Omit<RtuEndpointOptions, 'slave'>> {
  meter?: Partial<VirtualMeterOptions>;
  silentRefusals?: boolean;
  unit?: number;
}

/** So long that no register changes between a read and what a test compares it with. */
const STEADY_MS = 86_400_000;

/** A WE-515 on a pseudo-terminal that answers at once with registers that stay, and goes when the test ends. */
export function virtualLine({ meter: meterOptions, silentRefusals, unit = 1, ...options }: VirtualLineOptions = {}) {
  const meter = new VirtualMeter(
    { model: WE_515, load: restlessLoad(1, STEADY_MS), stepMs: STEADY_MS, ...meterOptions },
    Date.now(),
  );
  const slave = new Slave(new Map([[unit, meter]]), silentRefusals);
  const line = new PtyLine(join(temporaryDirectory(), 'meter'), { random: seededRandom(1), ...options, slave });
  afterTest(() => line.close());
  return { line, meter };
}

export const WIRE_9600 = { baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 } as const;
