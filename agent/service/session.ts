import { setTimeout as sleep } from 'node:timers/promises';
import { hexAddress } from '../meters/description.ts';
import type { FunctionCode } from '../meters/model.ts';
import { Bus, DEFAULT_TIMING } from '../modbus/bus.ts';
import { BusError } from '../modbus/bus-error.ts';
import type { Wire } from '../modbus/connection.ts';
import { newLineStats } from '../modbus/line-stats.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { withHolder } from './port-holder.ts';
import type { Target } from './target.ts';

/** What is known of a write when its time is over; reading back decides. */
export type WriteOutcome =
  | { kind: 'confirmed' }
  /** With the exception's code. */
  | { kind: 'refused'; code: number }
  /** No answer, or a damaged one: the meter may have done it. */
  | { kind: 'unanswered'; reason: string }
  /** It never left this machine. */
  | { kind: 'unsent'; reason: string };

/** A register is not there, or not to be read now. */
export class RegisterRefused extends AgentError {
  readonly exceptionCode: number;

  constructor(exceptionCode: number, what: string) {
    super('unavailable', `the meter refuses ${what}: ${exceptionText(exceptionCode)}`);
    this.exceptionCode = exceptionCode;
  }
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'it does not know the function',
  2: 'it has no such register',
  3: 'it does not take this length or value',
  4: 'its device has failed',
  5: 'it needs more time',
  6: 'it is busy',
};

export const exceptionText = (code: number): string => `exception ${code}, ${EXCEPTIONS[code] ?? 'unknown'}`;

const READ_TRIES = 3;
const PASSING = new Set([5, 6]);
/** While late replies are out on the line nothing of their shape can be sent; then it is tried again. */
const BUSY_PAUSE_MS = 100;
const READ_MS = 15_000;
const WRITE_MS = 10_000;
/** One request with its answer, for the slowest line and meter. */
const REQUEST_MS = 4000;
const REOPEN_PAUSE_MS = 250;
/** An adapter that was only jolted is back by then. */
const REOPEN_MS = 4000;
const UNLOCK_LISTEN_MS = 300;

/** One meter on a line that is ours: reads are repeated until they are answered, writes never. */
export class Session {
  readonly target: Target;
  unit: number;
  #wire: Partial<Wire> | undefined;
  readonly #debts = new Map<string, number>();
  #bus: Bus | undefined;
  /** Something has answered. */
  #heard = false;
  /** The line was lost, and has not come back. */
  #isGone = false;

  private constructor(target: Target) {
    this.target = target;
    this.unit = target.unit;
  }

  /**
   * Opens the line.
   * @throws AgentError that says who holds the port, or why else it does not open
   */
  static async open(target: Target): Promise<Session> {
    const session = new Session(target);
    await session.#open();
    return session;
  }

  /** Opens the line anew. @param wire settings that differ from the target's */
  async tune(wire: Partial<Wire> | undefined): Promise<void> {
    await this.close();
    this.#wire = wire;
    await this.#open();
  }

  async close(): Promise<void> {
    await this.#bus?.close();
    this.#bus = undefined;
  }

  /**
   * Reads registers, again where no whole answer comes.
   * @returns two bytes a register
   * @throws RegisterRefused; AgentError `unavailable` when nothing answers or the line is gone
   */
  async read(address: number, count: number, functionCode: FunctionCode = 3, tries = READ_TRIES): Promise<Buffer> {
    const what = `the registers ${hexAddress(address)}+${count}`;
    const deadlineMs = performance.now() + READ_MS;
    let failure: BusError | undefined;
    for (let left = tries; left > 0; ) {
      try {
        const bus = this.#bus ?? (await this.#reopen());
        const request = { unit: this.unit, functionCode, address, count, ...this.#patience() };
        const registers = await bus.read(request, Math.min(deadlineMs, performance.now() + REQUEST_MS));
        this.#heard = true;
        return registers;
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        if (error.kind === 'exception' && !error.byGateway && !PASSING.has(error.exceptionCode ?? 0)) {
          this.#heard = true;
          throw new RegisterRefused(error.exceptionCode ?? 0, what);
        }
        if (error.kind !== 'busy') {
          failure = error;
          left--;
        }
        if (performance.now() > deadlineMs) break;
        await sleep(error.kind === 'disconnected' ? REOPEN_PAUSE_MS : BUSY_PAUSE_MS);
      }
    }
    throw this.#unanswered(what, failure);
  }

  /** Writes holding registers, once, whatever comes of it. */
  async write(address: number, registers: Buffer): Promise<WriteOutcome> {
    const deadlineMs = performance.now() + WRITE_MS;
    for (;;) {
      const bus = this.#bus;
      if (!bus) return { kind: 'unsent', reason: 'the line is closed' };
      try {
        const request = { unit: this.unit, address, registers, ...this.#patience() };
        await bus.write(request, Math.min(deadlineMs, performance.now() + REQUEST_MS));
        return { kind: 'confirmed' };
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        if (error.kind === 'exception' && !error.byGateway) return { kind: 'refused', code: error.exceptionCode ?? 0 };
        if (error.kind !== 'busy') return { kind: 'unanswered', reason: error.message };
        if (performance.now() > deadlineMs) return { kind: 'unsent', reason: error.message };
        await sleep(BUSY_PAUSE_MS);
      }
    }
  }

  /** Sends what opens the settings for writing; whether it has, only a write tells. */
  async unlock(frame: readonly number[]): Promise<void> {
    const bus = this.#bus ?? (await this.#open());
    await bus.sendForeign(Buffer.from([this.unit, ...frame]), UNLOCK_LISTEN_MS, performance.now() + REQUEST_MS);
  }

  /** A line that was lost: waited for once, so that what is asked after that is told soon. */
  async #reopen(): Promise<Bus> {
    const untilMs = this.#isGone ? 0 : performance.now() + REOPEN_MS;
    for (;;) {
      try {
        const bus = await this.#open();
        this.#isGone = false;
        return bus;
      } catch (error) {
        this.#isGone = true;
        if (performance.now() > untilMs) throw error;
        await sleep(REOPEN_PAUSE_MS);
      }
    }
  }

  async #open(): Promise<Bus> {
    const connector = this.target.connect(this.#wire);
    const lost = () => {
      this.#bus = undefined;
    };
    try {
      const timing = this.target.timing ?? DEFAULT_TIMING;
      this.#bus = await Bus.open(connector, newLineStats(), lost, timing, this.#debts);
      return this.#bus;
    } catch (error) {
      throw withHolder(connector.name, error);
    }
  }

  #patience(): { pauseMs: number; responseMs: number | undefined } {
    const { model, responseMs } = this.target;
    return { pauseMs: model.pauseMs, responseMs: responseMs ?? model.responseMs };
  }

  #unanswered(what: string, cause: BusError | undefined): AgentError {
    const line = this.target.connect(this.#wire).name;
    const reason = cause === undefined ? 'the line did not fall silent' : messageOf(cause);
    if (this.#heard)
      return new AgentError('unavailable', `${what} of unit ${this.unit} cannot be read: ${reason}`, { cause });
    return new AgentError('unavailable', `unit ${this.unit} on ${line} does not answer: ${reason}`, {
      hint: 'check unit, baud rate and parity, the wires A and B, and that the meter has power',
      retryable: true,
      cause,
    });
  }
}
