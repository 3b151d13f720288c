// @ts-check
import { isAborted, messageOf } from './api.js';
import { h, write } from './dom.js';
import { live } from './live.js';

/** One of the page's views: whatever it has begun ends when it is taken off the page. */
export class View extends HTMLElement {
  #ended = new AbortController();
  /** What went wrong last. @type {(() => Promise<void>) | undefined} */
  #failed;
  #trouble = h('p', { class: 'notice trouble', role: 'alert', hidden: true });

  /** Aborted once the view is gone. */
  get signal() {
    return this.#ended.signal;
  }

  /** Where an error of the server is told. */
  get trouble() {
    return this.#trouble;
  }

  disconnectedCallback() {
    this.#ended.abort();
  }

  /** What the address says besides the view. @param {Record<string, string>} _query */
  show(_query) {}

  /** @param {EventTarget} target @param {string} type @param {(event: any) => void} take */
  listen(target, type, take) {
    target.addEventListener(type, take, { signal: this.signal });
  }

  /**
   * Now and every so often while somebody looks, and at once when somebody looks again.
   * @param {number} everyMs @param {() => void} act
   */
  every(everyMs, act) {
    let doneMs = performance.now();
    const again = () => {
      if (document.visibilityState === 'hidden' || performance.now() - doneMs < everyMs - 50) return;
      doneMs = performance.now();
      act();
    };
    const timer = setInterval(again, Math.min(everyMs, 1000));
    this.signal.addEventListener('abort', () => clearInterval(timer));
    this.listen(document, 'visibilitychange', again);
    act();
  }

  /** Does something that asks the server; says what went wrong, until it goes well. @param {() => Promise<void>} act */
  async ask(act) {
    try {
      await act();
      this.#trouble.hidden = true;
    } catch (error) {
      if (isAborted(error) || this.signal.aborted) return;
      this.#askAgain(act);
      write(this.#trouble, messageOf(error));
      this.#trouble.hidden = false;
    }
  }

  /** When the server is there again. @param {() => Promise<void>} act */
  #askAgain(act) {
    const isFirst = this.#failed === undefined;
    this.#failed = act;
    if (!isFirst) return;
    const again = () => {
      const failed = this.#failed;
      this.#failed = undefined;
      if (failed) void this.ask(failed);
    };
    live.addEventListener('hello', again, { once: true, signal: this.signal });
  }
}

/** Only the newest of several questions counts: the one before is given up. */
export class Newest {
  /** @type {AbortController | undefined} */
  #asked;

  /** @param {AbortSignal} ended */
  next(ended) {
    this.#asked?.abort();
    this.#asked = new AbortController();
    return AbortSignal.any([this.#asked.signal, ended]);
  }
}
