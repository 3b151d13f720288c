import type { LineStats } from './line-stats.ts';

/** How a reply ended that is no verified answer. `undefined`: a frame came, modbus-serial's checks decide. */
export type ReceiveFault = 'truncated' | 'noise' | undefined;

/** Turns the bytes that follow one request into that request's reply. Used once. */
export interface Receiver {
  /** Takes a chunk as it came from the line. */
  push(chunk: Buffer): void;
  /** Bytes have come, but none for a while: the reply will not be completed. Returns what was wrong with it. */
  stalled(): ReceiveFault;
  /** True while bytes have arrived that are no complete reply. */
  readonly partial: boolean;
}

/** Frames requests for one kind of connection. */
export interface Framing {
  /** RTU replies are told apart by length alone; MBAP replies carry the transaction's id. */
  readonly identifiesReplies: boolean;
  /**
   * Units of which an answer, asked for within `withinMs`, is still to come. A gateway answers in order: while it waits for a
   * dead meter, the answers of the others behind it wait as well.
   */
  owedUnits?(withinMs: number): ReadonlySet<number>;
  /**
   * @param request an RTU frame as modbus-serial writes it
   * @param onReply takes the reply as an RTU frame with its CRC
   */
  begin(request: Buffer, onReply: (frame: Buffer) => void, stats: LineStats): { bytes: Buffer; receiver: Receiver };
}
