import { join } from 'node:path';
import { WE_515 } from '../../agent/meters/orno.ts';
import { serviceTables } from '../../agent/meters/service/catalogue.ts';
import { PtyLine } from '../../agent/simulator/pty-line.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import type { RtuEndpointOptions } from '../../agent/simulator/rtu-endpoint.ts';
import { ServiceMemory, type ServiceMemoryOptions } from '../../agent/simulator/service-memory.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter, type VirtualMeterOptions } from '../../agent/simulator/virtual-meter.ts';
import type { PlannedFault, WriteFault } from '../../agent/simulator/write-faults.ts';
import { restlessLoad } from './restless-load.ts';
import { afterTest } from './side-by-side.ts';
import { temporaryDirectory } from './temporary.ts';

export interface ServiceLineOptions extends Partial<Omit<RtuEndpointOptions, 'slave'>> {
  meter?: Partial<VirtualMeterOptions>;
  service?: Partial<ServiceMemoryOptions>;
  /** Of the first write, unless planned otherwise. */
  fault?: WriteFault;
  /** Other meters on the line, without a service of theirs. */
  others?: readonly number[];
  /** Addresses that two of the others have: both answer at once, and what comes is neither's answer. */
  doubled?: readonly number[];
  /** What the meter is heard at, of its slave. */
  heard?: (service: ServiceMemory) => boolean;
}

const STEADY_MS = 86_400_000;

/** A meter with clock, tariffs and settings on a pseudo-terminal, that answers at once; it goes when the test ends. */
export function serviceLine({
  meter: given,
  service: memory,
  fault,
  heard,
  others = [],
  doubled = [],
  ...options
}: ServiceLineOptions = {}) {
  const model = given?.model ?? WE_515;
  const faults: PlannedFault[] = fault === undefined ? [] : [{ fault, at: 1 }];
  const { unit, baudRate } = model.serial;
  const service = new ServiceMemory({
    tables: serviceTables(model.name),
    reached: { unit, baudRate },
    faults,
    ...memory,
  });
  const meter = new VirtualMeter(
    { model, load: restlessLoad(1, STEADY_MS), stepMs: STEADY_MS, service, ...given },
    Date.now(),
  );
  const plain = () => new VirtualMeter({ model, load: restlessLoad(2, STEADY_MS), stepMs: STEADY_MS }, Date.now());
  const whole = new Slave(
    new Map([[unit, meter], ...[...others, ...doubled].map((other) => [other, plain()] as const)]),
  );
  const slave: Pick<Slave, 'serve'> = {
    serve: (request, nowMs) => {
      if (heard?.(service) === false) return undefined;
      const answer = whole.serve(request, nowMs);
      if (answer?.reply && doubled.includes(request.readUInt8(0))) answer.reply.fill(0x5a, 3);
      return answer;
    },
  };
  const line = new PtyLine(join(temporaryDirectory(), 'meter'), { random: seededRandom(1), ...options, slave });
  afterTest(() => line.close());
  return { line, meter, service, port: line.linkPath };
}
