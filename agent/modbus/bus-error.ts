import { AgentError } from '../system/errors.ts';

export type BusErrorKind =
  | 'timeout'
  | 'crc'
  | 'truncated'
  | 'noise'
  | 'exception'
  | 'disconnected'
  /** No time is left before the deadline, or a late reply could be mistaken for this one: nothing was sent. */
  | 'busy';

/** A gateway says that nobody answers behind it (Modbus Application Protocol V1.1b3, 7: 0x0A path, 0x0B target). */
const GATEWAY_EXCEPTIONS = new Set([0x0a, 0x0b]);

/** A read that gave no verified answer. */
export class BusError extends AgentError {
  readonly kind: BusErrorKind;
  /** Modbus exception code, for kind `exception` (Modbus Application Protocol V1.1b3, 7). */
  readonly exceptionCode: number | undefined;
  /** The bytes that came instead of an answer. */
  readonly raw: Buffer;
  /** Asking again for the same point of the grid is of no use. */
  readonly final: boolean;

  constructor(
    kind: BusErrorKind,
    message: string,
    details: { exceptionCode?: number | undefined; raw?: Buffer; final?: boolean; cause?: unknown } = {},
  ) {
    super('unavailable', message, { retryable: true, cause: details.cause });
    this.kind = kind;
    this.exceptionCode = details.exceptionCode;
    this.raw = details.raw ?? Buffer.alloc(0);
    this.final = details.final ?? false;
  }

  /** The gateway has answered, because the meter has not. */
  get byGateway(): boolean {
    return this.kind === 'exception' && GATEWAY_EXCEPTIONS.has(this.exceptionCode ?? 0);
  }
}
