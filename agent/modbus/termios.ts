import { promisify } from 'node:util';
import { libc } from '../system/libc.ts';
import type { Wire } from './connection.ts';

/** struct termios2 of the kernel (asm-generic/termbits.h, the same on x64 and arm64): flags of 32 bits, then 20 bytes, speeds. */
const TERMIOS2_BYTES = 44;
const CFLAG_OFFSET = 8;
const ISPEED_OFFSET = 36;
const OSPEED_OFFSET = 40;

const TCGETS2 = 0x802c_542a;
/** Waits until what was written has left, then changes. */
const TCSETSW2 = 0x402c_542c;

const CBAUD = 0o10017;
/** The rate is the number in the speed fields. */
const BOTHER = 0o10000;
const CSIZE = 0o60;
const CS7 = 0o40;
const CS8 = 0o60;
const CSTOPB = 0o100;
const PARENB = 0o400;
const PARODD = 0o1000;

/** What a driver makes of a rate may differ by its clock's steps; UARTs agree up to about this share. */
const RATE_TOLERANCE = 0.03;

/** The kernel's own interface: that of libc has changed the meaning of its speeds (glibc 2.42). */
const getAttributes = libc.func('int ioctl(int fd, unsigned long request, _Out_ uint8_t *termios)');
const setAttributes = libc.func('int ioctl(int fd, unsigned long request, uint8_t *termios)');
/** In a thread: for a USB adapter the kernel waits for its transfers, some milliseconds. */
const setInThread = promisify(setAttributes.async) as (fd: number, request: number, termios: Buffer) => Promise<number>;

/** What a terminal is set to; a pseudo-terminal keeps all but whether there is a parity bit (pty_set_termios). */
export interface LineSettings extends Wire {
  /** The bit that a pseudo-terminal does keep: odd was asked for last. */
  odd: boolean;
}

/**
 * Gives an open serial port other settings and leaves all else of it as it is. SerialPort.update knows the rate alone, and
 * opening anew would drop DTR and the lock for a moment.
 * @throws Error when the driver does not take them
 */
export async function setLine(fd: number, wire: Wire): Promise<void> {
  const termios = read(fd);
  const kept = termios.readUInt32LE(CFLAG_OFFSET) & ~(CBAUD | CSIZE | CSTOPB | PARENB | PARODD);
  const size = wire.dataBits === 7 ? CS7 : CS8;
  const parity = { none: 0, even: PARENB, odd: PARENB | PARODD }[wire.parity];
  const stop = wire.stopBits === 2 ? CSTOPB : 0;
  termios.writeUInt32LE((kept | BOTHER | size | parity | stop) >>> 0, CFLAG_OFFSET);
  termios.writeUInt32LE(wire.baudRate, ISPEED_OFFSET);
  termios.writeUInt32LE(wire.baudRate, OSPEED_OFFSET);
  if ((await setInThread(fd, TCSETSW2, termios)) !== 0) throw new Error('the driver refuses');
  // A driver that cannot do it keeps what it had and says yes. Parity is not compared: some drop that bit and do it.
  const { baudRate, stopBits } = readLine(fd);
  if (Math.abs(baudRate / wire.baudRate - 1) > RATE_TOLERANCE || stopBits !== wire.stopBits)
    throw new Error(`it stays at ${baudRate} baud with ${stopBits === 1 ? 'one stop bit' : 'two stop bits'}`);
}

/** @param fd of a serial port, or of either end of a pseudo-terminal */
export function readLine(fd: number): LineSettings {
  const termios = read(fd);
  const flags = termios.readUInt32LE(CFLAG_OFFSET);
  const odd = (flags & PARODD) !== 0;
  return {
    baudRate: termios.readUInt32LE(OSPEED_OFFSET),
    parity: (flags & PARENB) === 0 ? 'none' : odd ? 'odd' : 'even',
    dataBits: (flags & CSIZE) === CS7 ? 7 : 8,
    stopBits: (flags & CSTOPB) === 0 ? 1 : 2,
    odd,
  };
}

function read(fd: number): Buffer {
  const termios = Buffer.alloc(TERMIOS2_BYTES);
  if (getAttributes(fd, TCGETS2, termios) !== 0) throw new Error('the port is gone');
  return termios;
}
