import { promisify } from 'node:util';
import { libc } from './libc.ts';

/**
 * The kernel's own interface (asm-generic/ioctls.h, the same on x64 and arm64): that of libc has changed the meaning of its
 * speeds (glibc 2.42), and serialport sets a line once, when it opens.
 */
const TCGETS2 = 0x802c_542a;
const TCSETS2 = 0x402c_542b;
/** Waits until what was written has left, then changes. */
const TCSETSW2 = 0x402c_542c;

/** struct termios2 (asm-generic/termbits.h): four words of flags, the discipline and 19 characters, the speeds. */
const BYTES = 44;
const INPUT_FLAGS_AT = 0;
const OUTPUT_FLAGS_AT = 4;
const CONTROL_FLAGS_AT = 8;
const LOCAL_FLAGS_AT = 12;
const INPUT_SPEED_AT = 36;
const OUTPUT_SPEED_AT = 40;

const IGNPAR = 0x04;
const INPCK = 0x10;
const CBAUD = 0o10017;
/** The rate is the number in the speeds. */
const BOTHER = 0o10000;
const CSIZE = 0o60;
const CS7 = 0o40;
const CS8 = 0o60;
const CSTOPB = 0o100;
const PARENB = 0o400;
const PARODD = 0o1000;

const getAttributes = libc.func('int ioctl(int fd, unsigned long request, _Out_ uint8_t *termios)');
const setAttributes = libc.func('int ioctl(int fd, unsigned long request, uint8_t *termios)');
/** In a thread: for a USB adapter the kernel waits for its transfers, some milliseconds. */
const setInThread = promisify(setAttributes.async) as (fd: number, request: number, termios: Buffer) => Promise<number>;

/** All settings of a terminal, as the kernel has them. */
export type Termios = Buffer;

/** How a terminal is set, as far as a serial line goes. */
export interface TerminalSettings {
  baudRate: number;
  parity: 'none' | 'even' | 'odd';
  stopBits: 1 | 2;
}

/** The same as it is read. A pseudo-terminal keeps all but whether there is a parity bit (drivers/tty/pty.c). */
export interface SeenSettings extends TerminalSettings {
  dataBits: 7 | 8;
  /** Odd was asked for last; a pseudo-terminal keeps that. */
  odd: boolean;
  /** A byte that breaks parity is told (INPCK); a pseudo-terminal keeps that as well. */
  isParityChecked: boolean;
}

/** @returns undefined when the descriptor is no terminal, or it is gone */
export function readTermios(fd: number): Termios | undefined {
  const termios = Buffer.alloc(BYTES);
  return getAttributes(fd, TCGETS2, termios) === 0 ? termios : undefined;
}

/** @returns false when the terminal refuses, or is gone */
export function writeTermios(fd: number, termios: Termios): boolean {
  return setAttributes(fd, TCSETS2, termios) === 0;
}

/** The same, once all that was written before has left the line. */
export async function writeTermiosDrained(fd: number, termios: Termios): Promise<boolean> {
  return (await setInThread(fd, TCSETSW2, termios)) === 0;
}

/** The same terminal with another rate and frame; all else stays, the size of a character too where none is given. */
export function withSettings(termios: Termios, settings: TerminalSettings & { dataBits?: 7 | 8 }): Termios {
  const { baudRate, parity, stopBits, dataBits } = settings;
  const changed = Buffer.from(termios);
  const size = dataBits === undefined ? 0 : CSIZE;
  const kept = termios.readUInt32LE(CONTROL_FLAGS_AT) & ~(CBAUD | size | CSTOPB | PARENB | PARODD);
  const frame =
    (dataBits === undefined ? 0 : dataBits === 7 ? CS7 : CS8) |
    { none: 0, even: PARENB, odd: PARENB | PARODD }[parity] |
    (stopBits === 2 ? CSTOPB : 0);
  changed.writeUInt32LE((kept | BOTHER | frame) >>> 0, CONTROL_FLAGS_AT);
  changed.writeUInt32LE(baudRate, INPUT_SPEED_AT);
  changed.writeUInt32LE(baudRate, OUTPUT_SPEED_AT);
  return changed;
}

/**
 * The same terminal with parity checked, or not. Checked, a byte that breaks it comes as 0x00, so that a meter of another
 * parity gives damaged frames and no good ones by luck. Some drivers count such bytes only then (cp210x).
 */
export function withParityCheck(termios: Termios, isChecked: boolean): Termios {
  const changed = Buffer.from(termios);
  changed.writeUInt32LE(isChecked ? INPCK : IGNPAR, INPUT_FLAGS_AT);
  return changed;
}

/** Bytes pass as they are (cfmakeraw(3)); no call of the C library, which has a struct of its own. */
export function rawTermios(termios: Termios): Termios {
  const changed = Buffer.from(termios);
  const control = termios.readUInt32LE(CONTROL_FLAGS_AT) & ~(CSIZE | PARENB);
  for (const at of [INPUT_FLAGS_AT, OUTPUT_FLAGS_AT, LOCAL_FLAGS_AT]) changed.writeUInt32LE(0, at);
  changed.writeUInt32LE((control | CS8) >>> 0, CONTROL_FLAGS_AT);
  return changed;
}

export function settingsIn(termios: Termios): SeenSettings {
  const control = termios.readUInt32LE(CONTROL_FLAGS_AT);
  const odd = (control & PARODD) !== 0;
  return {
    baudRate: termios.readUInt32LE(OUTPUT_SPEED_AT),
    parity: (control & PARENB) === 0 ? 'none' : odd ? 'odd' : 'even',
    dataBits: (control & CSIZE) === CS7 ? 7 : 8,
    stopBits: (control & CSTOPB) === 0 ? 1 : 2,
    odd,
    isParityChecked: (termios.readUInt32LE(INPUT_FLAGS_AT) & INPCK) !== 0,
  };
}
