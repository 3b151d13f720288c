import { BusError } from '../modbus/bus-error.ts';
import { nextTurn, type Sharer, type Waiting } from './turns.ts';

/** The line is one's own until `end` is called. */
export interface GrantedTurn {
  /** On performance.now()'s scale: the request has to end by then. */
  untilMs: number;
  end(): void;
}

interface Request extends Waiting {
  grant: (turn: GrantedTurn) => void;
  refuse: (error: BusError) => void;
}

/** While nobody may have the line, time alone changes that. */
const LOOK_AGAIN_MS = 10;

/** Those who wait for one line. It outlives the line's connection. */
export class LineQueue {
  readonly sharers = new Set<Sharer>();
  #waiting: Request[] = [];
  #taken: Sharer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  /**
   * Waits for one request's turn.
   * @throws BusError `busy` when none comes in time
   */
  turn(waiting: Waiting): Promise<GrantedTurn> {
    return new Promise((grant, refuse) => {
      this.#waiting.push({ ...waiting, grant, refuse });
      this.#lookSoon();
    });
  }

  /** Whether this meter waits for the line, or has it. */
  isServing(sharer: Sharer): boolean {
    return this.#taken === sharer || this.#waiting.some((request) => request.sharer === sharer);
  }

  /** After what is going on has had its turn of the event loop: a sample that goes on asks for its next turn in it. */
  #lookSoon(): void {
    if (this.#looking || this.#taken) return;
    this.#looking = true;
    setImmediate(() => {
      this.#looking = false;
      this.#look();
    });
  }

  #look(): void {
    clearTimeout(this.#timer);
    if (this.#taken) return;
    const nowMs = performance.now();
    for (const request of this.#waiting.filter((one) => nowMs + one.leastMs > one.deadlineMs)) {
      this.#forget(request);
      request.refuse(new BusError('busy', 'no time is left on the line for this read'));
    }
    const turn = nextTurn(this.#waiting, [...this.sharers], nowMs);
    if (!turn) {
      if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#look(), LOOK_AGAIN_MS);
      return;
    }
    const { waiting: request, limitMs } = turn;
    this.#forget(request);
    this.#taken = request.sharer;
    request.grant({
      untilMs: Math.min(nowMs + limitMs, request.deadlineMs),
      end: () => {
        this.#taken = undefined;
        this.#lookSoon();
      },
    });
  }

  #forget(request: Request): void {
    this.#waiting = this.#waiting.filter((one) => one !== request);
  }
}
