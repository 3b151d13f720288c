import { withCrc } from './crc.ts';
import type { Framing, ReceiveFault, Receiver } from './receiver.ts';

/** Modbus Messaging on TCP/IP V1.0b, 3.1.3: transaction id, protocol id 0, length, unit id. */
const HEADER_LENGTH = 7;
const LARGEST_LENGTH_FIELD = 254;

/** Modbus TCP: replies are matched by transaction id, so a late or doubled one is dropped whatever its length. */
export function mbapFraming(): Framing {
  let transactionId = 0;
  // A reply to an earlier request can straddle chunks: the stream's state outlives a transaction.
  let buffered = Buffer.alloc(0);
  /** Requests that nothing has come for, by transaction id. */
  const owed = new Map<number, { unit: number; sentMs: number }>();
  return {
    identifiesReplies: true,
    owedUnits(withinMs) {
      const sinceMs = performance.now() - withinMs;
      for (const [id, { sentMs }] of owed) if (sentMs < sinceMs) owed.delete(id);
      return new Set([...owed.values()].map(({ unit }) => unit));
    },
    begin(request, onReply, stats) {
      transactionId = (transactionId + 1) & 0xffff;
      const expectedId = transactionId;
      const unitAndPdu = request.subarray(0, -2);
      const bytes = Buffer.alloc(6 + unitAndPdu.length);
      bytes.writeUInt16BE(expectedId, 0);
      bytes.writeUInt16BE(unitAndPdu.length, 4);
      unitAndPdu.copy(bytes, 6);
      owed.set(expectedId, { unit: request.readUInt8(0), sentMs: performance.now() });
      let done = false;
      const receiver: Receiver = {
        get partial() {
          return !done && buffered.length > 0;
        },
        stalled: (): ReceiveFault => {
          buffered = Buffer.alloc(0);
          return 'truncated';
        },
        push(chunk) {
          buffered = Buffer.concat([buffered, chunk]);
          while (buffered.length >= HEADER_LENGTH) {
            const length = buffered.readUInt16BE(4);
            if (buffered.readUInt16BE(2) !== 0 || length < 3 || length > LARGEST_LENGTH_FIELD) {
              stats.strayBytes += buffered.length;
              buffered = Buffer.alloc(0);
              return;
            }
            if (buffered.length < 6 + length) return;
            const id = buffered.readUInt16BE(0);
            const frame = buffered.subarray(6, 6 + length);
            buffered = buffered.subarray(6 + length);
            if (done || id !== expectedId) {
              owed.delete(id);
              stats.strayBytes += 6 + length;
            } else {
              done = true;
              // What was asked for before it and has not come by now is not being waited for.
              owed.clear();
              onReply(withCrc(frame));
            }
          }
        },
      };
      return { bytes, receiver };
    },
  };
}
