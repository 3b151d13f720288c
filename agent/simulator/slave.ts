import { crcMatches, withCrc } from '../modbus/crc.ts';
import { answerWrite, isWrite, type SlaveAnswer } from './slave-writes.ts';
import type { VirtualMeter } from './virtual-meter.ts';

/** A read request: unit, function, address, count, CRC. */
export const REQUEST_LENGTH = 8;

/** Meters by their unit address, answering RTU frames. */
export class Slave {
  readonly #meters: ReadonlyMap<number, VirtualMeter>;
  /** A meter that keeps silent instead of answering with an exception (node-modbus-serial 505). */
  readonly #silentRefusals: boolean;

  constructor(meters: ReadonlyMap<number, VirtualMeter>, silentRefusals = false) {
    this.#meters = meters;
    this.#silentRefusals = silentRefusals;
  }

  /** The reply to any request, with what else happens; undefined: silence, as for another unit or a damaged frame. */
  serve(request: Buffer, nowMs: number): SlaveAnswer | undefined {
    if (isWrite(request)) return answerWrite(request, this.#meterOf(request.readUInt8(0)), nowMs);
    const reply = this.answer(request, nowMs);
    return reply && { reply };
  }

  /** Those whose unit was changed have moved. */
  #meterOf(unit: number): VirtualMeter | undefined {
    const moved = [...this.#meters.values()].find(({ service }) => service?.unit === unit);
    const still = this.#meters.get(unit);
    return moved ?? (still?.service === undefined || still.service.unit === unit ? still : undefined);
  }

  /** The reply to a request to read; undefined: silence. */
  answer(request: Buffer, nowMs: number): Buffer | undefined {
    if (request.length !== REQUEST_LENGTH || !crcMatches(request)) return undefined;
    const unit = request.readUInt8(0);
    const functionCode = request.readUInt8(1);
    const result = this.#meterOf(unit)?.read(functionCode, request.readUInt16BE(2), request.readUInt16BE(4), nowMs);
    if (!result) return undefined;
    if ('exception' in result) {
      return this.#silentRefusals ? undefined : withCrc(Buffer.from([unit, functionCode | 0x80, result.exception]));
    }
    return withCrc(Buffer.concat([Buffer.from([unit, functionCode, result.registers.length]), result.registers]));
  }
}
