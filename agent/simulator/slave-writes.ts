import { crcMatches, withCrc } from '../modbus/crc.ts';
import type { VirtualMeter } from './virtual-meter.ts';

/** A reply, and what else happens with it. */
export interface SlaveAnswer {
  /** Undefined: silence. */
  reply?: Buffer;
  lateMs?: number;
  /** The line is gone from now on. */
  unplug?: true;
}

const READ_LENGTH = 8;
const WRITE = 0x10;
/** Unit, function, address, count, number of bytes, and the checksum. */
const WRITE_OVERHEAD = 9;
const UNLOCK = 0x28;
const UNLOCK_LENGTH = 13;
const LATE_MS = 1000;

/** Length of the request that begins here; undefined: too few bytes to tell. */
export function requestLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  if (bytes[1] === UNLOCK) return UNLOCK_LENGTH;
  if (bytes[1] !== WRITE) return READ_LENGTH;
  return bytes.length < 7 ? undefined : WRITE_OVERHEAD + bytes.readUInt8(6);
}

export const isWrite = (request: Buffer): boolean => request[1] === WRITE || request[1] === UNLOCK;

/** Serves function 16, and ORNO's function 0x28. */
export function answerWrite(request: Buffer, meter: VirtualMeter | undefined, nowMs: number): SlaveAnswer | undefined {
  if (!meter || request.length !== requestLength(request) || !crcMatches(request)) return undefined;
  const unit = request.readUInt8(0);
  const functionCode = request.readUInt8(1);
  const exception = (code: number) => withCrc(Buffer.from([unit, functionCode | 0x80, code]));
  const { service } = meter;
  if (!service) return { reply: exception(1) };
  if (functionCode === UNLOCK) {
    service.unlock(nowMs);
    return { reply: withCrc(request.subarray(0, 6)) };
  }
  const effect = service.write(request.readUInt16BE(2), request.subarray(7, -2), nowMs);
  const unplug = effect.unplug ? { unplug: effect.unplug } : {};
  if (effect.answer === 'never') return unplug;
  // A new unit is confirmed under its own address (homy, the frame in ORNO's document).
  const confirmed = withCrc(Buffer.concat([Buffer.from([service.unit]), request.subarray(1, 6)]));
  const reply = effect.exception === undefined ? confirmed : exception(effect.exception);
  if (effect.answer === 'garbled') reply[2] = (reply[2] ?? 0) ^ 0x55;
  return { reply, ...(effect.answer === 'late' ? { lateMs: LATE_MS } : {}) };
}
