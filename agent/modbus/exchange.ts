import type ModbusSerial from 'modbus-serial';
import { readWireMs, type Wire, writeWireMs } from './connection.ts';

/** What a reply shows of its request. */
export interface ReplyShape {
  unit: number;
  functionCode: 3 | 4;
  /** Registers, 1-125. */
  count: number;
}

interface Asked {
  unit: number;
  address: number;
  /** Silence that the meter needs before a request, ms; the line's own where that is longer. */
  pauseMs?: number | undefined;
  /** Longest wait for this meter's first byte, ms, instead of the line's. */
  responseMs?: number | undefined;
  /** Settings of the line that this meter needs, instead of the connector's. */
  wire?: Wire | undefined;
}

export interface ReadRequest extends ReplyShape, Asked {}

/** Function 16, write multiple registers: the one that all known meters take. */
export interface WriteRequest extends Asked {
  /** Two bytes a register, big-endian. */
  registers: Buffer;
}

/** A request as it goes over the line, whatever it asks for. */
export interface Exchange {
  unit: number;
  /** Requests of one shape have replies that could be taken for each other's. */
  shape: string;
  /** What is said of a late reply of this shape. */
  owed: string;
  /** Settings of the line that it needs. */
  wire: Wire;
  /** Time on the wire, both ways, without the silence between. */
  wireMs: number;
  pauseMs: number | undefined;
  responseMs: number | undefined;
  send(): Promise<Buffer>;
}

type Client = InstanceType<typeof ModbusSerial.default>;

export const shapeOf = ({ unit, functionCode, count }: ReplyShape): string => `${unit}/${functionCode}/${count}`;

/** A reply to a write names its registers, an exception does not: so any write that is unanswered is waited for. */
const writeShape = (unit: number): string => `${unit}/write`;

export function readExchange(request: ReadRequest, client: Client, usual: Wire): Exchange {
  const { unit, address, count, functionCode, pauseMs, responseMs, wire = usual } = request;
  return {
    unit,
    shape: shapeOf(request),
    owed: `a late reply of ${count} registers`,
    wire,
    wireMs: readWireMs(wire, count),
    pauseMs,
    responseMs,
    send: async () => {
      const read = functionCode === 3 ? 'readHoldingRegisters' : 'readInputRegisters';
      return (await client[read](address, count)).buffer;
    },
  };
}

/** Its answer has no content. */
export function writeExchange(request: WriteRequest, client: Client, usual: Wire): Exchange {
  const { unit, address, registers, pauseMs, responseMs, wire = usual } = request;
  return {
    unit,
    shape: writeShape(unit),
    owed: 'a late reply to a write',
    wire,
    wireMs: writeWireMs(wire, registers.length / 2),
    pauseMs,
    responseMs,
    send: async () => {
      // Declared for numbers alone; the bytes of a buffer go out as they are.
      await client.writeRegisters(address, registers as never);
      return Buffer.alloc(0);
    },
  };
}
