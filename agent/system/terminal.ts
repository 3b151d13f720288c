import { libc } from './libc.ts';

/** asm-generic/ioctls.h */
const TIOCOUTQ = 0x5411;
const TIOCGICOUNT = 0x545d;

const POLLOUT = 4;

/** asm-generic/fcntl.h */
const LOCK_SH = 1;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** struct serial_icounter_struct: cts dsr rng dcd rx tx frame overrun parity brk buf_overrun, and room to spare. */
const COUNTER_BYTES = 80;

const ioctl = libc.func('int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)');
const flock = libc.func('int flock(int fd, int operation)');
const poll = libc.func('int poll(_Inout_ uint8_t *fds, unsigned long count, int timeoutMs)');

/** What a driver has counted since it was loaded. */
export interface LineCounters {
  frame: number;
  parity: number;
  breaks: number;
  overruns: number;
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
