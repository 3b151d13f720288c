import { crcMatches } from '../modbus/crc.ts';

/**
 * What came after a request. answer: its own reply. exception: the meter refused. silent: nothing, or our echo alone.
 * damaged: a reply of the right length, or with the right beginning, whose CRC is wrong. truncated: its end is missing.
 * other-length: a good frame of this unit that answers something else, such as a late reply. other-unit: a good frame of
 * another unit. breaks: bytes of 0x00 alone. noise: anything else.
 */
export type ReplyKind =
  | 'answer'
  | 'exception'
  | 'silent'
  | 'damaged'
  | 'truncated'
  | 'other-length'
  | 'other-unit'
  | 'breaks'
  | 'noise';

export interface Reply {
  kind: ReplyKind;
  /** Who sent the good frame. */
  unit?: number;
  /** Modbus Application Protocol V1.1b3, 7. */
  exceptionCode?: number;
  /** Two bytes each, of an answer. */
  registers?: Buffer;
  /** A gateway says that nobody has answered it on its line: that is silence. */
  isByGateway?: true;
  hasEcho: boolean;
  /** Bytes beside the echo and the frame. */
  strays: number;
}

const EXCEPTION_LENGTH = 5;
const REQUEST_LENGTH = 8;
/** A gateway says that nobody answered it on its line. */
const GATEWAY_CODES = new Set([10, 11]);

/** A good frame at the beginning of the bytes: a reply to a read, or a refusal. */
function frameAt(bytes: Buffer): Buffer | undefined {
  const functionCode = bytes[1] ?? 0;
  const isRefusal = functionCode === 0x83 || functionCode === 0x84;
  if (!isRefusal && functionCode !== 3 && functionCode !== 4) return undefined;
  if (isRefusal) return whole(bytes, EXCEPTION_LENGTH);
  const dataBytes = bytes[2] ?? 0;
  return dataBytes === 0 ? undefined : whole(bytes, EXCEPTION_LENGTH + dataBytes);
}

function whole(bytes: Buffer, length: number): Buffer | undefined {
  const frame = bytes.subarray(0, length);
  return frame.length === length && crcMatches(frame) ? frame : undefined;
}

/** All good frames in the bytes, requests of others too, in their order. */
export function framesIn(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + EXCEPTION_LENGTH <= bytes.length; ) {
    const rest = bytes.subarray(at);
    const frame = frameAt(rest) ?? whole(rest, REQUEST_LENGTH);
    if (frame) frames.push(frame);
    at += frame?.length ?? 1;
  }
  return frames;
}

/**
 * What the bytes after a request are.
 * @param request an RTU frame of function 3 or 4
 * @param raw all that came since
 * @param isBurst they came as close together as a reply does: the length of what trickles in says nothing
 */
export function readReply(request: Buffer, raw: Buffer, isBurst = true): Reply {
  const echoAt = raw.indexOf(request);
  const hasEcho = echoAt >= 0;
  const rest = hasEcho ? Buffer.concat([raw.subarray(0, echoAt), raw.subarray(echoAt + REQUEST_LENGTH)]) : raw;
  if (rest.length === 0) return { kind: 'silent', hasEcho, strays: 0 };
  const unit = request.readUInt8(0);
  const functionCode = request.readUInt8(1);
  const dataBytes = request.readUInt16BE(4) * 2;
  const frames = framesIn(rest);
  const strays = (frame: Buffer) => rest.length - frame.length;
  const own = frames.find((frame) => frame[0] === unit && frame[1] === functionCode && frame[2] === dataBytes);
  if (own) return { kind: 'answer', unit, registers: Buffer.from(own.subarray(3, -2)), hasEcho, strays: strays(own) };
  const refusal = frames.find((frame) => frame[0] === unit && frame[1] === (functionCode | 0x80));
  if (refusal) {
    const exceptionCode = refusal.readUInt8(2);
    if (GATEWAY_CODES.has(exceptionCode)) return { kind: 'silent', isByGateway: true, hasEcho, strays: 0 };
    return { kind: 'exception', unit, exceptionCode, hasEcho, strays: strays(refusal) };
  }
  const other = frames[0];
  if (other) {
    const kind = other[0] === unit ? 'other-length' : 'other-unit';
    return { kind, unit: other.readUInt8(0), hasEcho, strays: strays(other) };
  }
  return { kind: broken(rest, Buffer.from([unit, functionCode, dataBytes]), isBurst), hasEcho, strays: rest.length };
}

function broken(rest: Buffer, header: Buffer, isBurst: boolean): ReplyKind {
  const length = EXCEPTION_LENGTH + header.readUInt8(2);
  const at = rest.indexOf(header);
  // A checker of parity puts 0x00 for what is wrong: such a reply can be nothing but zeros, of the right length.
  if (isBurst && rest.length === length) return 'damaged';
  if (rest.every((byte) => byte === 0)) return 'breaks';
  if (at >= 0) return rest.length - at >= length ? 'damaged' : 'truncated';
  return isBurst && Math.abs(rest.length - length) <= 1 ? 'damaged' : 'noise';
}
