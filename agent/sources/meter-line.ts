import type { Bus } from '../modbus/bus.ts';
import type { Connector } from '../modbus/connection.ts';
import type { ReadRequest } from '../modbus/exchange.ts';
import type { AgentError } from '../system/errors.ts';

/** What a meter needs of an open line. */
export interface MeterBus {
  /** As Bus.read. @throws BusError */
  read(request: ReadRequest, deadlineMs: number): Promise<Buffer>;
  owes: Bus['owes'];
}

/** What a meter needs of its line: a Link, or its place on one that it shares. */
export interface MeterLine {
  readonly connector: Pick<Connector, 'wire'>;
  /** Why there is no bus now, and what to do about it. */
  readonly problem: AgentError | undefined;
  /** Asked for at the beginning of each sample; undefined while the line is not open. */
  bus(): MeterBus | undefined;
  /** A sample has ended in which the meter was heard. */
  answered(): void;
  /** A sample has ended in which it was not. */
  unanswered(): void;
}
