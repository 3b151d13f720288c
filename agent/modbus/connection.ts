/**
 * A byte stream to a meter: a serial port or a TCP socket. Single-use: once closed it is thrown away and a new one is
 * opened (a closed SerialPort must never be re-opened).
 */
export interface Connection {
  /** Sends bytes; failures arrive through onClose. */
  write(bytes: Buffer): void;
  /**
   * Gives the line other settings, once nothing is under way; only serial ports have it.
   * @throws AgentError when port or driver do not take them
   */
  configure?(wire: Wire): Promise<void>;
  /** Throws away what has come and was not handed over yet. @returns its bytes */
  drain(): number;
  /** At most one listener: the framed port on top. */
  onData(listener: (chunk: Buffer) => void): void;
  /** Called once, whatever ends the connection; `undefined` when it was closed on purpose. */
  onClose(listener: (reason: Error | undefined) => void): void;
  /** Idempotent; resolves when the system resource is free, or after a bound when the driver hangs. */
  close(): Promise<void>;
}

/** Opens a fresh connection; throws an AgentError that says what is missing, held by others or forbidden. */
export interface Connector {
  /** The same text for connections that share one line; used in messages. */
  readonly name: string;
  /** The settings that it is opened with, and those of a meter that names none of its own. */
  readonly wire: Wire;
  /** How requests are framed on this connection. */
  readonly framing: 'rtu' | 'mbap';
  open(): Promise<Connection>;
  /** Loads what changing the settings takes, before a request waits for it. */
  prepareConfigure?(): Promise<unknown>;
}

/** The timing of a serial line. */
export interface Wire {
  baudRate: number;
  parity: 'none' | 'even' | 'odd';
  dataBits: 7 | 8;
  stopBits: 1 | 2;
}

/** Milliseconds of one character: start bit, data, parity, stop bits. */
export function characterMs(wire: Wire): number {
  return ((1 + wire.dataBits + (wire.parity === 'none' ? 0 : 1) + wire.stopBits) * 1000) / wire.baudRate;
}

/** The silence between frames: 3.5 characters, fixed above 19200 baud (Modbus over serial line V1.02, 2.5.1.1). */
export function interFrameMs(wire: Wire): number {
  return wire.baudRate > 19_200 ? 1.75 : 3.5 * characterMs(wire);
}

/** Milliseconds that a read of `registers` occupies the line: 8 bytes out, 5 + 2N in, without the meter's turnaround. */
export function readWireMs(wire: Wire, registers: number): number {
  return (8 + 5 + 2 * registers) * characterMs(wire);
}

/** The same of a write: 9 + 2N bytes out, 8 in. */
export function writeWireMs(wire: Wire, registers: number): number {
  return (9 + 2 * registers + 8) * characterMs(wire);
}

export function isSameWire(a: Wire, b: Wire): boolean {
  return a.baudRate === b.baudRate && a.parity === b.parity && a.dataBits === b.dataBits && a.stopBits === b.stopBits;
}

/** `9600 8E1`, as meters and manuals write it. */
export function wireText({ baudRate, parity, dataBits, stopBits }: Wire): string {
  return `${baudRate} ${dataBits}${{ none: 'N', even: 'E', odd: 'O' }[parity]}${stopBits}`;
}
