import { withCrc } from '../modbus/crc.ts';
import { FAULTS, type Fault, type FaultRates } from './fault-names.ts';
import type { Random } from './random.ts';

/** Bytes that go out, and how long after the time they would normally begin. */
export interface Emission {
  bytes: Buffer;
  delayMs: number;
}

export interface FaultyReply {
  emissions: Emission[];
  /** Milliseconds until the line is gone, and for how long. */
  unplug?: { afterMs: number; forMs: number };
  applied: Fault[];
}

/** A late reply comes this much late, ms: from just late to well into the next ticks. */
const LATE_MS = { min: 100, max: 2500 };
const UNPLUGGED_MS = { min: 200, max: 3000 };

const integer = (random: Random, min: number, max: number) => min + Math.floor(random() * (max - min + 1));
const randomBytes = (random: Random, length: number) =>
  Buffer.from(Array.from({ length }, () => integer(random, 0, 255)));

/**
 * Draws the faults of one reply, each by its own rate, and applies them.
 * @param timeScale multiplies all times; a test that runs 20 times as fast gives 1/20
 */
export function applyFaults(
  request: Buffer,
  reply: Buffer,
  rates: FaultRates,
  random: Random,
  timeScale = 1,
): FaultyReply {
  // Each fault consumes one draw whether it strikes or not, so that rates do not shift each other's luck.
  const struck = FAULTS.filter((fault) => random() < (rates[fault] ?? 0));
  let bytes: Buffer = Buffer.from(reply);
  let delayMs = 0;
  let copies = 1;
  const result: FaultyReply = { emissions: [], applied: struck };
  for (const fault of struck) {
    switch (fault) {
      case 'exception':
        bytes = withCrc(Buffer.from([request[0] ?? 0, (request[1] ?? 0) | 0x80, integer(random, 1, 6)]));
        break;
      case 'wrong-unit':
        bytes = withCrc(Buffer.concat([Buffer.from([((bytes[0] ?? 0) % 247) + 1]), bytes.subarray(1, -2)]));
        break;
      case 'crc':
        // Up to three flipped bits: always seen by CRC-16 at these lengths.
        for (const bit of new Set(
          Array.from({ length: integer(random, 1, 3) }, () => integer(random, 0, bytes.length * 8 - 1)),
        )) {
          bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        }
        break;
      case 'truncate':
        bytes = bytes.subarray(0, integer(random, 1, bytes.length - 1));
        break;
      case 'leading-zero':
        bytes = Buffer.concat([Buffer.from([0]), bytes]);
        break;
      case 'noise': {
        const noise = randomBytes(random, integer(random, 1, 20));
        const place = integer(random, 0, 2);
        bytes = place === 0 ? Buffer.concat([noise, bytes]) : place === 1 ? Buffer.concat([bytes, noise]) : noise;
        break;
      }
      case 'echo':
        bytes = Buffer.concat([request, bytes]);
        break;
      case 'double':
        copies = 2;
        break;
      case 'late':
        delayMs = (LATE_MS.min + random() * (LATE_MS.max - LATE_MS.min)) * timeScale;
        break;
      case 'silence':
        copies = 0;
        break;
      case 'unplug':
        result.unplug = {
          afterMs: random() * 100 * timeScale,
          forMs: (UNPLUGGED_MS.min + random() * (UNPLUGGED_MS.max - UNPLUGGED_MS.min)) * timeScale,
        };
        break;
    }
  }
  for (let copy = 0; copy < copies; copy++) result.emissions.push({ bytes, delayMs });
  return result;
}
