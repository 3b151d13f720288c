import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LiveFeed, MeterOutcome } from '../live-feed.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { Problem } from './problem.ts';

const BEAT_MS = 15_000;
/** Also how long a browser waits before it asks anew. */
const RETRY_MS = 2000;
export const MOST_STREAMS = 64;
/** Who takes no more of what is sent is not waited for. */
const MOST_WAITING_BYTES = 256 * 1024;

interface Stream {
  response: ServerResponse;
  meter: string | undefined;
}

/** Server-sent events (WHATWG HTML, 9.2) of all that is read, to whoever has asked for them. */
export class Streams {
  readonly #feed: LiveFeed;
  readonly #open = new Set<Stream>();
  readonly #endFeed: () => void;
  readonly #beat: NodeJS.Timeout;
  #ended = false;

  constructor(feed: LiveFeed) {
    this.#feed = feed;
    this.#endFeed = feed.listen((one) => this.#tell(one));
    this.#beat = setInterval(() => this.#each(() => ':\n\n'), BEAT_MS);
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * @param hello what is said first; then comes the newest of each meter
   * @throws Problem 503 where there are too many
   */
  open(request: IncomingMessage, response: ServerResponse, meter: string | undefined, hello: object): void {
    if (this.#open.size >= MOST_STREAMS) {
      throw new Problem(503, 'Service Unavailable', `${MOST_STREAMS} streams are open; close one, or try again later`, {
        headers: { 'retry-after': '10' },
      });
    }
    const stream = { response, meter };
    this.#open.add(stream);
    request.socket.setNoDelay(true);
    response.once('close', () => this.#open.delete(stream));
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${RETRY_MS}\n${eventText('hello', hello)}`);
    for (const one of this.#feed.latest()) if (isFor(stream, one)) response.write(textOf(one));
    if (this.#ended) response.end();
  }

  /** Those that are open, and who comes now hears what is and no more. */
  end(): void {
    this.#ended = true;
    clearInterval(this.#beat);
    this.#endFeed();
    for (const { response } of this.#open) response.end();
  }

  #tell(one: MeterOutcome): void {
    const text = textOf(one);
    this.#each((stream) => (isFor(stream, one) ? text : undefined));
  }

  #each(textFor: (stream: Stream) => string | undefined): void {
    for (const stream of this.#open) {
      const text = textFor(stream);
      if (text === undefined) continue;
      stream.response.write(text);
      if (stream.response.writableLength > MOST_WAITING_BYTES) stream.response.destroy();
    }
  }
}

const isFor = ({ meter }: Stream, { series }: MeterOutcome) => meter === undefined || series.meter === meter;

const eventText = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

function textOf({ series: { meter, model }, outcome }: MeterOutcome): string {
  const at = { meter, model, time: new Date(outcome.timeMs).toISOString(), held: outcome.held };
  return 'reading' in outcome
    ? eventText('reading', { ...at, values: outcome.reading.values })
    : eventText('gap', { ...at, cause: outcome.cause, message: outcome.message });
}
