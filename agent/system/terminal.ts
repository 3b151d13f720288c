import { constants } from 'node:fs';
import koffi from 'koffi';

/** Asked of the kernel directly: serialport sets a line once, when it opens, and counts nothing. asm-generic/ioctls.h. */
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCOUTQ = 0x5411;
const TIOCGICOUNT = 0x545d;

/** struct termios of the kernel (asm-generic/termbits.h): four words of flags, the discipline, 19 characters. */
const TERMIOS_BYTES = 36;
const INPUT_FLAGS_AT = 0;
const CONTROL_FLAGS_AT = 8;

const IGNPAR = 0x04;
const INPCK = 0x10;
const CBAUD = 0x100f;
const CSTOPB = 0x40;
const PARENB = 0x100;
const PARODD = 0x200;

/** The kernel's codes of the rates; those above 38400 have a bit of their own. */
const RATES: Readonly<Record<number, number>> = {
  9: 1200,
  11: 2400,
  12: 4800,
  13: 9600,
  14: 19_200,
  15: 38_400,
  4097: 57_600,
  4098: 115_200,
};

const POLLOUT = 4;
const TCOOFF = 0;

/** asm-generic/fcntl.h */
const LOCK_SH = 1;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** struct serial_icounter_struct: cts dsr rng dcd rx tx frame overrun parity brk buf_overrun, and room to spare. */
const COUNTER_BYTES = 80;

const libc = koffi.load('libc.so.6');
const ioctl = libc.func('int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)');
const tcflow = libc.func('int tcflow(int fd, int action)');
const flock = libc.func('int flock(int fd, int operation)');
const poll = libc.func('int poll(_Inout_ uint8_t *fds, unsigned long count, int timeoutMs)');

const posixOpenpt = libc.func('int posix_openpt(int flags)');
const grantpt = libc.func('int grantpt(int fd)');
const unlockpt = libc.func('int unlockpt(int fd)');
const ptsnameR = libc.func('int ptsname_r(int fd, _Out_ uint8_t *buffer, size_t length)');
const cfmakeraw = libc.func('void cfmakeraw(_Inout_ uint8_t *termios)');

/** How a terminal is set, as far as a serial line goes. */
export interface TerminalSettings {
  /** 0: none of those that a meter has. */
  baudRate: number;
  parity: 'none' | 'even' | 'odd';
  stopBits: 1 | 2;
}

/** All of a terminal's settings, to be put back as they were. */
export type SavedTerminal = Buffer;

/** What a driver has counted since it was loaded. */
export interface LineCounters {
  frame: number;
  parity: number;
  breaks: number;
  overruns: number;
}

/** @returns undefined when the descriptor is no terminal, or it is gone */
export function saveTerminal(fd: number): SavedTerminal | undefined {
  const termios = Buffer.alloc(TERMIOS_BYTES);
  return ioctl(fd, TCGETS, termios) === 0 ? termios : undefined;
}

export function restoreTerminal(fd: number, saved: SavedTerminal): void {
  ioctl(fd, TCSETS, Buffer.from(saved));
}

/**
 * Sets rate and frame of a terminal that is raw already. With parity, its check is on (INPCK): a byte that breaks it comes as
 * 0x00, so that a meter of another parity gives damaged frames and no good ones by luck. Some drivers count only then (cp210x).
 * @returns false when the terminal refuses, or is gone
 */
export function setTerminal(fd: number, { baudRate, parity, stopBits }: TerminalSettings): boolean {
  const termios = saveTerminal(fd);
  const code = Object.entries(RATES).find(([, rate]) => rate === baudRate)?.[0];
  if (!termios || code === undefined) return false;
  const checked = parity === 'none' ? 0 : PARENB | (parity === 'odd' ? PARODD : 0);
  const kept = termios.readUInt32LE(CONTROL_FLAGS_AT) & ~(CBAUD | CSTOPB | PARENB | PARODD);
  termios.writeUInt32LE((kept | Number(code) | (stopBits === 2 ? CSTOPB : 0) | checked) >>> 0, CONTROL_FLAGS_AT);
  termios.writeUInt32LE(parity === 'none' ? IGNPAR : INPCK, INPUT_FLAGS_AT);
  return ioctl(fd, TCSETS, termios) === 0;
}

/**
 * How a terminal is set. The near end of a pseudo-terminal tells what the far end has set; Linux keeps its rate and takes
 * PARENB away (drivers/tty/pty.c), so the check of parity says there that there is one.
 */
export function terminalSettings(fd: number): TerminalSettings | undefined {
  const termios = saveTerminal(fd);
  if (!termios) return undefined;
  const control = termios.readUInt32LE(CONTROL_FLAGS_AT);
  const isChecked = (control & PARENB) !== 0 || (termios.readUInt32LE(INPUT_FLAGS_AT) & INPCK) !== 0;
  return {
    baudRate: RATES[control & CBAUD] ?? 0,
    parity: !isChecked ? 'none' : (control & PARODD) !== 0 ? 'odd' : 'even',
    stopBits: (control & CSTOPB) !== 0 ? 2 : 1,
  };
}

/** Does another program have the terminal for itself, by the lock that serialport and many others take? */
export function isLocked(fd: number): boolean {
  if (flock(fd, LOCK_SH | LOCK_NB) !== 0) return true;
  flock(fd, LOCK_UN);
  return false;
}

/** What the driver has counted; undefined where it counts nothing, as a pseudo-terminal does. */
export function lineCounters(fd: number): LineCounters | undefined {
  const counters = Buffer.alloc(COUNTER_BYTES);
  if (ioctl(fd, TIOCGICOUNT, counters) !== 0) return undefined;
  const at = (index: number) => counters.readInt32LE(index * 4);
  return { frame: at(6), overruns: at(7), parity: at(8), breaks: at(9) };
}

/** Does the terminal still hold bytes that were written, or take no more? Long after a write that says: nothing goes out. */
export function isOutputStuck(fd: number): boolean {
  const queued = Buffer.alloc(4);
  if (ioctl(fd, TIOCOUTQ, queued) === 0 && queued.readInt32LE() > 0) return true;
  const asked = Buffer.alloc(8);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(POLLOUT, 4);
  return poll(asked, 1, 0) === 0;
}

/** Nothing that is written goes out from here on, as with an adapter whose chip has hung itself up; for the virtual meter. */
export function stopOutput(fd: number): void {
  tcflow(fd, TCOOFF);
}

const PATH_BYTES = 128;

/** A new pseudo-terminal in raw mode: its near end, and the path of its far one; undefined where none can be had. */
export function openPseudoTerminal(): { fd: number; path: string } | undefined {
  const fd = posixOpenpt(constants.O_RDWR | constants.O_NOCTTY) as number;
  const name = Buffer.alloc(PATH_BYTES);
  if (fd < 0 || grantpt(fd) !== 0 || unlockpt(fd) !== 0 || ptsnameR(fd, name, PATH_BYTES) !== 0) return undefined;
  const termios = saveTerminal(fd);
  if (termios) {
    cfmakeraw(termios);
    restoreTerminal(fd, termios);
  }
  return { fd, path: name.subarray(0, name.indexOf(0)).toString() };
}
