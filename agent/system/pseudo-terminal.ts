import { constants } from 'node:fs';
import { libc } from './libc.ts';
import { rawTermios, readTermios, writeTermios } from './termios.ts';

const PATH_BYTES = 128;
/** Programs that are started meanwhile do not keep the terminal open (fcntl.h; Node has no name for it). */
const O_CLOEXEC = 0o2000000;
const TCOOFF = 0;

const posixOpenpt = libc.func('int posix_openpt(int flags)');
const grantpt = libc.func('int grantpt(int fd)');
const unlockpt = libc.func('int unlockpt(int fd)');
const ptsnameR = libc.func('int ptsname_r(int fd, _Out_ uint8_t *buffer, size_t length)');
const tcflow = libc.func('int tcflow(int fd, int action)');

/** A new pseudo-terminal in raw mode: its near end, and the path of its far one; undefined where none can be had. */
export function openPseudoTerminal(): { fd: number; path: string } | undefined {
  const fd = posixOpenpt(constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC) as number;
  const name = Buffer.alloc(PATH_BYTES);
  if (fd < 0 || grantpt(fd) !== 0 || unlockpt(fd) !== 0 || ptsnameR(fd, name, PATH_BYTES) !== 0) return undefined;
  const termios = readTermios(fd);
  if (termios) writeTermios(fd, rawTermios(termios));
  return { fd, path: name.subarray(0, name.indexOf(0)).toString() };
}

/** Nothing that is written goes out from here on, as with an adapter whose chip has hung itself up. */
export function stopOutput(fd: number): void {
  tcflow(fd, TCOOFF);
}
