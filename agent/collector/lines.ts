import type { ConnectionConfig } from '../config/schema.ts';
import { type BusTiming, DEFAULT_TIMING } from '../modbus/bus.ts';
import { Link, type LinkOptions } from '../sources/link.ts';
import type { Station } from '../sources/station.ts';
import type { Logger } from '../system/logging.ts';
import { connectorFor } from './connectors.ts';

/** A meter's place on its line. */
export interface Seat {
  link: Link;
  station: Station;
}

/** The lines that are read, one for each port or address, each open as long as a meter is on it. */
export class Lines {
  readonly #log: Logger;
  readonly #options: LinkOptions;
  readonly #links = new Map<string, Link>();

  constructor(log: Logger, options: LinkOptions = {}) {
    this.#log = log;
    this.#options = options;
  }

  join(connection: ConnectionConfig, intervalMs: number): Seat {
    const connector = connectorFor(connection);
    const timing: BusTiming = this.#options.timing ?? DEFAULT_TIMING;
    let link = this.#links.get(connector.name);
    if (!link) {
      link = new Link(connector, this.#log, this.#options);
      this.#links.set(connector.name, link);
    }
    const responseMs = connection.responseTimeout ?? timing.responseMs;
    return { link, station: link.join({ intervalMs, wire: connector.wire, responseMs }) };
  }

  /** Closes the line when nobody else reads on it; resolves when its port is free. */
  async leave({ link, station }: Seat): Promise<void> {
    link.leave(station);
    if (link.queue.sharers.size > 0) return;
    this.#links.delete(link.connector.name);
    await link.stop();
  }
}
