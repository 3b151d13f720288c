import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

/** A pool of connections to one server that counts those it opens: a new one may mean that the server has been restarted. */
export interface Connections {
  readonly agent: HttpAgent | HttpsAgent;
  /** How many were opened so far. */
  opened(): number;
  /** Closes those that wait for a next request. */
  close(): void;
}

/** Node's own pool closes a connection after 5 s; ours stays for as long as the server keeps it. */
const OPTIONS = { keepAlive: true, maxSockets: 1 };

export function connectionsTo(url: string): Connections {
  let count = 0;
  class CountingHttp extends HttpAgent {
    override createConnection(...args: Parameters<HttpAgent['createConnection']>) {
      count++;
      return super.createConnection(...args);
    }
  }
  class CountingHttps extends HttpsAgent {
    override createConnection(...args: Parameters<HttpsAgent['createConnection']>) {
      count++;
      return super.createConnection(...args);
    }
  }
  const agent = url.startsWith('https:') ? new CountingHttps(OPTIONS) : new CountingHttp(OPTIONS);
  return { agent, opened: () => count, close: () => agent.destroy() };
}
