import type { KnownClock } from '../journal/recall.ts';
import { CLOCK_STEP_MS, type Clock, type ClockStamp, offsetOf } from '../system/clock.ts';
import { type ClockEvidence, RELEASED_MS } from '../system/clock-state.ts';
import type { Logger } from '../system/logging.ts';

/** Why the wall clock is not taken for right. */
export type Doubt = 'unsynchronized' | 'before-release' | 'before-newest' | 'stepped';

const SENTENCES: Readonly<Record<Doubt, (shown: string) => string>> = {
  unsynchronized: () =>
    'this machine has no clock that goes on without power, and no time server has set it since its start',
  'before-release': (shown) => `the clock shows ${shown}, before there was this energy-monitor`,
  'before-newest': (shown) => `the clock shows ${shown}, before the newest reading of the journal`,
  stepped: (shown) => `the clock was set to ${shown}, and no time server has confirmed that`,
};

/** What is known of the clock, for `status`. */
export interface ClockStatus {
  doubt: Doubt | undefined;
  /** The doubt, as a sentence. */
  message: string | undefined;
  /** A time server has set it, or it continues from such a time. */
  confirmed: boolean;
}

export interface ClockWatchOptions {
  clock: Clock;
  evidence: ClockEvidence;
  /** How long a plausible clock that nobody confirms is not believed: since the boot, or since it was set. */
  holdMs: number;
  /** Time of the newest reading of the journal; -Infinity without one. */
  newestMs: number;
  log: Logger;
  /** Of this boot; undefined at its first start. */
  remembered: KnownClock | undefined;
  /** Told when the clock is known to be right, and how it goes; and, with undefined, when it is in doubt. */
  onChange: (clock: KnownClock | undefined) => void;
}

/** A step by less is an ordinary correction: what was read before keeps its times, what is read after it is believed. */
export const LARGE_STEP_MS = 60_000;
/** Pauses between two questions for evidence, while the clock is in doubt, and while nobody has confirmed it. */
const ASK_MS = 2000;
const ASK_UNCONFIRMED_MS = 60_000;
const LOOK_MS = 1000;
/** A clock in doubt that has drifted, or was set, by this much gives what is read from then on another offset. */
const LARGEST_DRIFT_MS = 100;
/** systemd-timesyncd asks its server at least this often (PollIntervalMaxSec). */
const SERVER_PAUSE_MS = 2_100_000;

const HINT = 'let the machine reach a time server, or set its clock: sudo date -s "2026-11-21 12:00"';

/**
 * Decides whether the wall clock can be trusted: readings that are taken while it cannot are held. A Pi has no clock of its
 * own: it wakes up in 1970 or at its last shutdown, and jumps when a time server answers. What was read before is told from
 * that by the monotonic clock, which all processes of a boot share.
 */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  /** Of the stretch since the last step; followed while the clock is trusted. */
  #offsetMs: number;
  #doubt: Doubt | undefined;
  /** Monotonic; of the doubt, or of the step in it. */
  #doubtedMs = 0;
  /** What the wall clock showed after its last step; only what a server says later counts. */
  #steppedWallMs: number | undefined;
  #trusted: KnownClock | undefined;
  #saidDoubt = false;
  #askedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
    this.#offsetMs = this.#offsetNow();
  }

  /** Judges the clock, and goes on looking at it. */
  start(): void {
    const { remembered, evidence, clock } = this.#options;
    this.#doubtedMs = clock.monotonicMs();
    if (remembered?.boot === evidence.boot) this.#goOn(remembered);
    else {
      this.#doubt = 'unsynchronized';
      this.#judge();
      if (this.#doubt) this.#say();
    }
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks for a step of the clock and, when it is time, for evidence. */
  look(): void {
    this.#notice(this.#offsetNow());
  }

  /**
   * To be called at each tick.
   * @param offsetMs of the wall clock to Clock.monotonicMs(), as the grid saw it
   * @returns undefined when what is read now has its right time; else what it has to be held with
   */
  stamp(offsetMs: number): ClockStamp | undefined {
    this.#notice(offsetMs - this.#options.evidence.bootMs);
    return this.doubted;
  }

  /** How the clock goes while it is in doubt. */
  get doubted(): ClockStamp | undefined {
    return this.#doubt && { boot: this.#options.evidence.boot, offsetMs: this.#offsetMs };
  }

  /** How the clock goes when it is trusted. */
  get trusted(): ClockStamp | undefined {
    return this.#doubt ? undefined : { boot: this.#options.evidence.boot, offsetMs: this.#offsetMs };
  }

  get confirmed(): boolean {
    return this.#doubt === undefined && this.#trusted?.confirmed === true;
  }

  get status(): ClockStatus {
    return { doubt: this.#doubt, message: this.message, confirmed: this.confirmed };
  }

  get message(): string | undefined {
    return this.#doubt && SENTENCES[this.#doubt](`${new Date(this.#wallMs()).toISOString().slice(0, 19)}Z`);
  }

  #offsetNow(): number {
    return offsetOf(this.#options.clock) - this.#options.evidence.bootMs;
  }

  /** Monotonic, since the boot. */
  #upMs(): number {
    return this.#options.clock.monotonicMs() + this.#options.evidence.bootMs;
  }

  #wallMs(): number {
    return this.#upMs() + this.#offsetMs;
  }

  #notice(offsetMs: number): void {
    const deltaMs = offsetMs - this.#offsetMs;
    const step = Math.abs(deltaMs) >= CLOCK_STEP_MS;
    // In doubt, all that is read between two changes keeps one offset: so it is moved by the same.
    if (!this.#doubt || Math.abs(deltaMs) >= LARGEST_DRIFT_MS) this.#offsetMs = offsetMs;
    if (step) this.#stepped(deltaMs);
    else if (!this.#trusted?.confirmed || this.#doubt) this.#judgeWhenDue();
  }

  #judgeWhenDue(): void {
    const pauseMs = this.#doubt ? ASK_MS : ASK_UNCONFIRMED_MS;
    if (this.#options.clock.monotonicMs() - this.#askedMs >= pauseMs) this.#judge();
  }

  /** From where an earlier process of this boot had come; the clock may have been set since. */
  #goOn(remembered: KnownClock): void {
    this.#trusted = remembered;
    const deltaMs = this.#offsetMs - remembered.offsetMs;
    if (Math.abs(deltaMs) < CLOCK_STEP_MS) this.#trust(remembered.confirmed);
    else this.#stepped(deltaMs, SERVER_PAUSE_MS);
  }

  /** @param agoMs how long ago that was, at most */
  #stepped(deltaMs: number, agoMs = 0): void {
    const { clock, log } = this.#options;
    const wasTrusted = this.#doubt === undefined;
    this.#steppedWallMs = this.#wallMs() - agoMs;
    log.info({ seconds: Math.round(deltaMs / 100) / 10 }, 'the clock was set');
    if (wasTrusted && this.#isPlausible() && Math.abs(deltaMs) < LARGE_STEP_MS) {
      this.#trust(this.#trusted?.confirmed ?? false);
      return;
    }
    if (wasTrusted) this.#doubt = 'stepped';
    if (wasTrusted && this.#trusted) this.#trusted = { ...this.#trusted, offsetMs: this.#offsetMs - deltaMs };
    this.#doubtedMs = clock.monotonicMs();
    this.#judge();
    if (wasTrusted && this.#doubt) this.#say();
  }

  #say(): void {
    this.#saidDoubt = true;
    this.#options.onChange(undefined);
    this.#options.log.warn({ hint: HINT }, `${this.message}: readings are held until the time is known`);
  }

  #isPlausible(): boolean {
    return this.#wallMs() >= RELEASED_MS;
  }

  /** Is there evidence for the clock as it goes now, or has it been waited for long enough? */
  #judge(): void {
    const { evidence, clock, holdMs, log } = this.#options;
    this.#askedMs = clock.monotonicMs();
    if (this.#doubt) this.#doubt = this.#reason();
    if (this.#doubt === 'before-release') return;
    if (this.#doubt && this.#isAsBefore()) this.#trust(this.#trusted?.confirmed ?? false);
    // What is cheap comes first.
    else if (this.#doubt && this.#isKeptByHardware()) this.#trust(false);
    else if (evidence.synchronized(this.#steppedWallMs)) this.#trust(true);
    if (!this.#doubt) return;
    const waitedMs = this.#doubt === 'unsynchronized' ? this.#upMs() : clock.monotonicMs() - this.#doubtedMs;
    if (waitedMs < holdMs) return;
    // Up for long already when the collector starts, and nothing was held: no reason to worry anybody.
    log[this.#saidDoubt ? 'warn' : 'info']({ hint: HINT }, `${this.message}: it is taken as it is now`);
    this.#trust(false);
  }

  /** It was set wrongly, and set right again. */
  #isAsBefore(): boolean {
    return this.#trusted !== undefined && Math.abs(this.#offsetMs - this.#trusted.offsetMs) < CLOCK_STEP_MS;
  }

  /** Later the hardware's clock says no more than who set it. */
  #isKeptByHardware(): boolean {
    const asStarted = this.#steppedWallMs === undefined && this.#doubt === 'unsynchronized';
    return asStarted && this.#options.evidence.keptByHardware(this.#wallMs());
  }

  #reason(): Doubt {
    if (!this.#isPlausible()) return 'before-release';
    if (this.#trusted) return 'stepped';
    return this.#wallMs() < this.#options.newestMs - LARGE_STEP_MS ? 'before-newest' : 'unsynchronized';
  }

  #trust(confirmed: boolean): void {
    const wasDoubted = this.#doubt !== undefined;
    const before = this.#trusted;
    this.#doubt = undefined;
    this.#trusted = { boot: this.#options.evidence.boot, offsetMs: this.#offsetMs, confirmed };
    if (wasDoubted || before?.confirmed !== confirmed || before.offsetMs !== this.#offsetMs) {
      this.#options.onChange(this.#trusted);
    }
  }
}
