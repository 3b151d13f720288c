import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { type LineSettings, readLine } from '../modbus/termios.ts';
import { AgentError } from '../system/errors.ts';
import { libc } from '../system/libc.ts';

/** struct termios is 60 bytes on Linux; room to spare costs nothing. */
const TERMIOS_BYTES = 128;
const PATH_BYTES = 128;
/** Programs that are started meanwhile do not keep the terminal open (fcntl.h; Node has no name for it). */
const O_CLOEXEC = 0o2000000;

const posixOpenpt = libc.func('int posix_openpt(int flags)');
const grantpt = libc.func('int grantpt(int fd)');
const unlockpt = libc.func('int unlockpt(int fd)');
const ptsnameR = libc.func('int ptsname_r(int fd, _Out_ uint8_t *buffer, size_t length)');
const tcgetattr = libc.func('int tcgetattr(int fd, _Out_ uint8_t *termios)');
const tcsetattr = libc.func('int tcsetattr(int fd, int actions, uint8_t *termios)');
const cfmakeraw = libc.func('void cfmakeraw(_Inout_ uint8_t *termios)');

/** The near end of a pseudo-terminal; programs open its far end, `path`, as they open a serial port. */
export class Pty {
  readonly path: string;
  readonly #fd: number;
  readonly #stream: ReadStream;
  /** Held open, so that the terminal outlives its readers as an adapter does: without any, it would report EIO and end. */
  readonly #farFd: number;
  #closed = false;

  private constructor(fd: number, path: string) {
    this.#fd = fd;
    this.path = path;
    this.#farFd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    this.#stream = new ReadStream(fd);
    // At hang-up a pending read fails: not a fault of ours.
    this.#stream.on('error', () => {});
  }

  /** A new pseudo-terminal in raw mode; needs no rights and no other program. */
  static open(): Pty {
    const fd = posixOpenpt(constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC) as number;
    const name = Buffer.alloc(PATH_BYTES);
    if (fd < 0 || grantpt(fd) !== 0 || unlockpt(fd) !== 0 || ptsnameR(fd, name, PATH_BYTES) !== 0) {
      throw new AgentError('unavailable', 'no pseudo-terminal can be opened', {
        hint: 'check that /dev/ptmx and /dev/pts are there',
      });
    }
    const termios = Buffer.alloc(TERMIOS_BYTES);
    tcgetattr(fd, termios);
    cfmakeraw(termios);
    tcsetattr(fd, 0, termios);
    return new Pty(fd, name.subarray(0, name.indexOf(0)).toString());
  }

  /** What whoever has the far end open has set it to. */
  settings(): LineSettings {
    return readLine(this.#fd);
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#stream.on('data', listener);
  }

  write(bytes: Buffer): void {
    if (this.#closed) return;
    try {
      writeSync(this.#fd, bytes);
    } catch {
      // Nobody reads and the buffer is full, or the far end hung up: bytes on a wire are lost then, too.
    }
  }

  /** Hangs up: whoever has the far end open loses it, as when an adapter is unplugged. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#farFd);
    this.#stream.destroy();
  }
}
