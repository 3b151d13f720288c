import { createRequire } from 'node:module';

/** CRC-16/MODBUS, low byte first on the wire (Modbus over serial line V1.02, 6.2.2). modbus-serial has no types for it. */
export const crc16 = createRequire(import.meta.url)('modbus-serial/utils/crc16.js') as (bytes: Uint8Array) => number;

export function withCrc(frame: Buffer): Buffer {
  const out = Buffer.alloc(frame.length + 2);
  frame.copy(out);
  out.writeUInt16LE(crc16(frame), frame.length);
  return out;
}

export function crcMatches(frame: Buffer): boolean {
  return frame.length > 2 && frame.readUInt16LE(frame.length - 2) === crc16(frame.subarray(0, -2));
}
