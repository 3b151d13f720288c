import { isIP } from 'node:net';
import { hostname } from 'node:os';

/**
 * Names by which the page may be reached. A web site that lets its own name point here could else read along in a visitor's
 * browser (DNS rebinding); an address cannot be taken over that way.
 */
export class HostNames {
  readonly #names: ReadonlySet<string>;

  /** @param more of the configuration, `web.hosts` */
  constructor(more: readonly string[], own = hostname()) {
    const machine = own.toLowerCase();
    const short = machine.split('.')[0] ?? machine;
    this.#names = new Set(['localhost', machine, short, `${short}.local`, ...more.map((name) => name.toLowerCase())]);
  }

  /** @param header `Host` of a request: a name or an address, with or without a port */
  allows(header: string | undefined): boolean {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/.exec(header ?? '');
    const [, v6, name] = match ?? [];
    if (v6 !== undefined) return isIP(v6) === 6;
    if (name === undefined) return false;
    return isIP(name) === 4 || this.#names.has(name.toLowerCase().replace(/\.$/, ''));
  }
}
