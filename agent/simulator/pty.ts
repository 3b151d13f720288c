import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { AgentError } from '../system/errors.ts';
import { openPseudoTerminal, stopOutput } from '../system/pseudo-terminal.ts';
import { readTermios, type SeenSettings, settingsIn, type TerminalSettings } from '../system/termios.ts';

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
    const opened = openPseudoTerminal();
    if (!opened) {
      throw new AgentError('unavailable', 'no pseudo-terminal can be opened', {
        hint: 'check that /dev/ptmx and /dev/pts are there',
      });
    }
    return new Pty(opened.fd, opened.path);
  }

  /** What whoever has the far end open has set it to; undefined: it is closed. */
  settings(): SeenSettings | undefined {
    const termios = this.#closed ? undefined : readTermios(this.#fd);
    return termios && settingsIn(termios);
  }

  /** The same, where the check of parity stands for parity, which a pseudo-terminal does not keep. */
  reader(): TerminalSettings | undefined {
    const settings = this.settings();
    if (!settings) return undefined;
    const { baudRate, stopBits, odd, isParityChecked } = settings;
    return { baudRate, stopBits, parity: !isParityChecked ? 'none' : odd ? 'odd' : 'even' };
  }

  /** From here on nothing that is written at the far end goes out. */
  jam(): void {
    stopOutput(this.#farFd);
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
