// @ts-check

/** @typedef {import('../types').Outcome} Outcome */
/** @typedef {import('../types').Hello} Hello */

const RETRY_MS = 2000;
const LONGEST_RETRY_MS = 15_000;
/** Silence after which a stream is taken for dead: a lost Wi-Fi says nothing. */
const SILENCE_MS = 12_000;
const STALE_INTERVALS = 3;
const LEAST_STALE_MS = 3500;

/**
 * The stream of one meter. Begins anew by itself, ends while nobody looks.
 * Events: `hello` (a connection has begun; what was missed can be asked for), `outcome`, `state`.
 */
export class Live extends EventTarget {
  /** @type {EventSource | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #retryMs = RETRY_MS;
  /** When anything was heard, and when a reading came, by a clock that nobody sets. */
  #heardMs = performance.now();
  #readMs = -1;
  #intervalMs = 1000;
  /** @type {string | undefined} */
  #meter;
  #said = '';
  /** @type {Outcome | undefined} */
  latest;
  /** The newest that has values. @type {Outcome | undefined} */
  reading;
  /** `waiting` until the first reading. @type {'waiting' | 'live' | 'stale' | 'offline'} */
  state = 'waiting';

  constructor() {
    super();
    document.addEventListener('visibilitychange', () => this.#watch());
    window.addEventListener('online', () => this.#begin());
    window.addEventListener('pagehide', () => this.#end());
    window.addEventListener('pageshow', () => this.#watch());
    setInterval(() => this.#check(), 1000);
  }

  /** @param {string} meter @param {number | null} intervalMs */
  follow(meter, intervalMs) {
    this.#intervalMs = intervalMs ?? 1000;
    if (meter === this.#meter) return;
    this.#meter = meter;
    this.latest = this.reading = undefined;
    this.#readMs = -1;
    this.#begin();
  }

  stop() {
    this.#meter = undefined;
    this.#end();
  }

  /** A stream is there, and what it tells is complete from now on. */
  get isOpen() {
    return this.#source?.readyState === EventSource.OPEN;
  }

  #watch() {
    if (document.visibilityState === 'hidden') this.#end();
    else if (!this.#source) this.#begin();
  }

  #begin() {
    this.#end();
    if (this.#meter === undefined || document.visibilityState === 'hidden') return;
    this.#heardMs = performance.now();
    const source = new EventSource(`/api/v1/stream?meter=${encodeURIComponent(this.#meter)}`);
    this.#source = source;
    const hear = (/** @type {(data: any) => void} */ take) => (/** @type {MessageEvent<string>} */ event) => {
      this.#heardMs = performance.now();
      this.#retryMs = RETRY_MS;
      take(JSON.parse(event.data));
    };
    source.addEventListener(
      'hello',
      hear((data) => this.#tell('hello', data)),
    );
    source.addEventListener(
      'reading',
      hear((data) => this.#take(data)),
    );
    source.addEventListener(
      'gap',
      hear((data) => this.#take(data)),
    );
    source.addEventListener('error', () => this.#failed());
  }

  #end() {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#source?.close();
    this.#source = undefined;
  }

  /** Browsers try again by themselves only where the connection was lost, not where the server has refused it. */
  #failed() {
    this.#end();
    this.#say('offline');
    this.#retry = setTimeout(() => this.#begin(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 1.5, LONGEST_RETRY_MS);
  }

  /** @param {Outcome} outcome */
  #take(outcome) {
    const isNew = this.latest?.time !== outcome.time;
    this.latest = outcome;
    if (outcome.values) {
      this.reading = outcome;
      if (isNew) this.#readMs = performance.now();
    }
    this.#check();
    this.#tell('outcome', outcome);
  }

  #check() {
    if (!this.#source) return;
    const nowMs = performance.now();
    const silentMs = nowMs - this.#heardMs;
    if (silentMs > Math.max(SILENCE_MS, STALE_INTERVALS * this.#intervalMs + 2000)) return this.#failed();
    // A connection that is still being made is not live yet, and one that was lost is said to be by `#failed`.
    if (this.#source.readyState !== EventSource.OPEN) return;
    if (this.#readMs < 0) return this.#say(this.latest ? 'stale' : 'waiting');
    const staleMs = Math.max(LEAST_STALE_MS, STALE_INTERVALS * this.#intervalMs + 500);
    this.#say(nowMs - this.#readMs > staleMs ? 'stale' : 'live');
  }

  /** @param {Live['state']} state */
  #say(state) {
    this.state = state;
    if (state === this.#said) return;
    this.#said = state;
    this.#tell('state', state);
  }

  /** @param {string} name @param {any} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const live = new Live();
