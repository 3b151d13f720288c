import { lstatSync, rmSync, symlinkSync } from 'node:fs';
import { AgentError, messageOf } from '../system/errors.ts';
import type { SeenSettings } from '../system/termios.ts';
import { Pty } from './pty.ts';
import { RtuEndpoint, type RtuEndpointOptions } from './rtu-endpoint.ts';

/**
 * A serial line with meters, as a pseudo-terminal behind a stable name (like udev's /dev/serial/by-id links). It can be
 * unplugged and plugged in again: the pseudo-terminal is a new one then, the name the same.
 */
export class PtyLine {
  readonly linkPath: string;
  readonly #options: RtuEndpointOptions;
  #pty: Pty | undefined;
  #endpoint: RtuEndpoint | undefined;
  #replug: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(linkPath: string, options: Omit<RtuEndpointOptions, 'onUnplug'>) {
    this.linkPath = linkPath;
    this.#options = { ...options, onUnplug: (afterMs, forMs) => this.unplugFor(forMs, afterMs) };
    this.plug();
  }

  /** The pseudo-terminal behind the name now. */
  get path(): string | undefined {
    return this.#pty?.path;
  }

  /** The settings that the reader has given it; undefined while it is unplugged. */
  settings(): SeenSettings | undefined {
    return this.#pty?.settings();
  }

  plug(): void {
    if (this.#pty || this.#closed) return;
    this.#pty = Pty.open();
    this.#endpoint = new RtuEndpoint(this.#pty, this.#options);
    try {
      this.#removeLink();
      symlinkSync(this.#pty.path, this.linkPath);
    } catch (error) {
      this.#pty.close();
      throw new AgentError('storage', `the link ${this.linkPath} cannot be made: ${messageOf(error)}`, {
        hint: 'name a path that is free, in a directory that you can write to',
        cause: error,
      });
    }
  }

  unplug(): void {
    clearTimeout(this.#replug);
    this.#endpoint?.stop();
    this.#pty?.close();
    this.#pty = undefined;
    this.#removeLink();
  }

  /** Only ever a link: a file, or a real port, that has this name is somebody else's. */
  #removeLink(): void {
    if (lstatSync(this.linkPath, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(this.linkPath, { force: true });
  }

  unplugFor(ms: number, afterMs = 0): void {
    if (this.#closed) return;
    clearTimeout(this.#replug);
    this.#replug = setTimeout(() => {
      this.unplug();
      this.#replug = setTimeout(() => this.plug(), ms);
    }, afterMs);
  }

  close(): void {
    this.#closed = true;
    this.unplug();
  }
}
