import { crcMatches, withCrc } from '../modbus/crc.ts';
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

  /** The reply to a request frame; undefined: silence, as for another unit or a damaged frame. */
  answer(request: Buffer, nowMs: number): Buffer | undefined {
    if (request.length !== REQUEST_LENGTH || !crcMatches(request)) return undefined;
    const unit = request.readUInt8(0);
    const functionCode = request.readUInt8(1);
    const result = this.#meters.get(unit)?.read(functionCode, request.readUInt16BE(2), request.readUInt16BE(4), nowMs);
    if (!result) return undefined;
    if ('exception' in result) {
      return this.#silentRefusals ? undefined : withCrc(Buffer.from([unit, functionCode | 0x80, result.exception]));
    }
    return withCrc(Buffer.concat([Buffer.from([unit, functionCode, result.registers.length]), result.registers]));
  }
}
