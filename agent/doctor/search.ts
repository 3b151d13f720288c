import type { MeterModel } from '../meters/model.ts';
import type { LineCounters } from '../system/terminal.ts';
import type { TerminalSettings } from '../system/termios.ts';
import { type Attempt, attemptMs, type Given, LIKELY_UNITS, planAttempts, type Stage } from './attempts.ts';
import type { Heard, Line, Question } from './line.ts';
import { framesIn, type ReplyKind } from './reply.ts';

/** Where a meter answers, and what first did. */
export interface Found {
  settings: TerminalSettings;
  unit: number;
  /** Which attempt it was, from 1. */
  attempt: number;
  stage: Stage;
}

/** What the line carried while nobody was asked. */
export interface Quiet {
  ms: number;
  bytes: number;
  /** Of these, 0x00: a line that is pulled the wrong way. */
  zeros: number;
  /** Good frames of others. */
  frames: number;
}

/** What a search saw, whether it found a meter or not. */
export interface Searched {
  quiet: Quiet;
  attempts: number;
  kinds: Partial<Record<ReplyKind, number>>;
  /** Attempts whose request came back. */
  echoes: number;
  /** Attempts of which a gateway says that nobody has answered it. */
  gatewayRefusals: number;
  /** Settings at which something like a reply came again and again, but never a good one. */
  nearMisses: { settings: TerminalSettings; unit: number }[];
  /** The adapter kept what it should have sent. */
  isStuck: boolean;
  /** What the driver counted meanwhile; undefined: it counts nothing. */
  counted: LineCounters | undefined;
  elapsedMs: number;
  /** True: nothing of the plan is left. */
  isComplete: boolean;
}

export interface SearchProgress {
  attempt: Attempt;
  done: number;
  planned: number;
  /** If nobody answers. */
  leftMs: number;
}

export interface SearchOptions {
  models: readonly MeterModel[];
  given?: Given | undefined;
  model?: MeterModel | undefined;
  otherUnits?: readonly number[];
  isThorough?: boolean | undefined;
  onProgress?: (progress: SearchProgress) => void;
}

const QUIET_MS = 250;
/** Something was heard: now it matters what. */
const LISTEN_MS = 1000;
/** A damaged reply is asked for again; so is a good one, so that a late reply at other settings is none. */
const REPEATS = 3;
const CONFIRM_WAIT_MS = 700;
/** What the Eastron meters need. */
const CONFIRM_PAUSE_MS = 60;
/** At least as many requests answered with breaks alone say that A and B are swapped. */
const LEAST_BREAKS = 4;

/** On a noisy line something comes all the time. */
const MOST_SECOND_LOOKS = 3;

/** A gateway that has said nothing of a unit by then keeps silent. */
const LONGEST_GATEWAY_MS = 4000;
const SLOW_GATEWAY_MS = 200;
const GATEWAY_MARGIN = 1.3;

const BROKEN: readonly ReplyKind[] = ['damaged', 'truncated'];
const GOOD: readonly ReplyKind[] = ['answer', 'exception'];

/** Finds the meter on a line, or what is wrong with the line. */
export class Search {
  readonly #line: Line;
  readonly #options: SearchOptions;
  readonly #searched: Searched;
  /** The last question of a sweep over units. */
  #before: Question | undefined;
  #secondLooks = 0;
  /** How long a gateway takes for a unit that is not there, with some more. */
  #gatewayMs = 0;
  #isGatewayNew: boolean;

  constructor(line: Line, options: SearchOptions) {
    this.#line = line;
    this.#options = options;
    this.#isGatewayNew = line.framing === 'mbap';
    this.#searched = {
      quiet: { ms: 0, bytes: 0, zeros: 0, frames: 0 },
      attempts: 0,
      kinds: {},
      echoes: 0,
      gatewayRefusals: 0,
      nearMisses: [],
      isStuck: false,
      counted: undefined,
      elapsedMs: 0,
      isComplete: false,
    };
  }

  /** @throws AgentError when the line is gone; what the signal of the line says */
  async run(): Promise<{ found: Found | undefined; searched: Searched }> {
    const startedAt = performance.now();
    const before = this.#line.counters();
    await this.#listen();
    const found = await this.#through();
    const after = this.#line.counters();
    if (before && after) this.#searched.counted = difference(after, before);
    this.#searched.elapsedMs = Math.round(performance.now() - startedAt);
    return { found, searched: this.#searched };
  }

  async #listen(): Promise<void> {
    const { quiet } = this.#searched;
    const first = await this.#line.listen(QUIET_MS);
    const rest = first.length === 0 ? Buffer.alloc(0) : await this.#line.listen(LISTEN_MS);
    const heard = Buffer.concat([first, rest]);
    quiet.ms = QUIET_MS + (first.length === 0 ? 0 : LISTEN_MS);
    quiet.bytes = heard.length;
    quiet.zeros = heard.filter((byte) => byte === 0).length;
    quiet.frames = framesIn(heard).length;
  }

  async #through(): Promise<Found | undefined> {
    const { onProgress, ...options } = this.#options;
    const { isSerial } = this.#line;
    const plan = planAttempts({ ...options, isSerial });
    let leftMs = plan.reduce((sum, attempt) => sum + attemptMs(attempt, isSerial), 0);
    for (const [index, attempt] of plan.entries()) {
      if (this.#isPointless(attempt.stage)) return undefined;
      const left = this.#gatewayMs > 0 ? this.#leftBehindGateway(plan.slice(index)) : leftMs;
      onProgress?.({ attempt, done: index, planned: plan.length, leftMs: left });
      const unit = this.#isTooSlowFor(attempt) ? undefined : await this.#try(attempt);
      if (unit !== undefined) return { settings: attempt.settings, unit, attempt: index + 1, stage: attempt.stage };
      if (this.#searched.isStuck) return undefined;
      leftMs -= attemptMs(attempt, isSerial);
    }
    this.#searched.isComplete = true;
    return undefined;
  }

  #leftBehindGateway(plan: readonly Attempt[]): number {
    const asked = plan.filter((attempt) => !this.#isTooSlowFor(attempt));
    return asked.reduce((sum, { waitMs }) => sum + Math.max(waitMs, this.#gatewayMs), 0);
  }

  /** It is asked for nothing else until it has answered, or is known not to answer for units that are not there. */
  async #learnGateway(waitedMs: number): Promise<void> {
    this.#isGatewayNew = false;
    const startedAt = performance.now();
    if (!(await this.#line.isSettled(LONGEST_GATEWAY_MS))) return;
    this.#gatewayMs = (waitedMs + performance.now() - startedAt) * GATEWAY_MARGIN;
  }

  /** Behind a gateway that waits long for each unit only those that people choose are within a minute. */
  #isTooSlowFor({ stage, question }: Attempt): boolean {
    return (
      !this.#options.isThorough &&
      stage === 'units' &&
      question.unit > LIKELY_UNITS &&
      this.#gatewayMs > SLOW_GATEWAY_MS
    );
  }

  /** Asks once, and again where something like a reply came. @returns the unit that answers */
  async #try({ settings, question, waitMs, stage }: Attempt): Promise<number | undefined> {
    this.#line.set(settings);
    let heard = await this.#ask(question, Math.max(waitMs, this.#gatewayMs));
    if (heard.kind === 'silent' && !heard.isByGateway && this.#isGatewayNew) await this.#learnGateway(waitMs);
    for (let again = 1; BROKEN.includes(heard.kind) && again < REPEATS; again++) {
      heard = await this.#ask(question, CONFIRM_WAIT_MS);
    }
    if (stage === 'units' || stage === 'rest') {
      const isOdd = heard.unasked > 0 || (heard.kind !== 'silent' && !GOOD.includes(heard.kind));
      const late = isOdd ? await this.#lateUnit(question) : undefined;
      if (late !== undefined) return late;
      this.#before = question;
    }
    if (heard.kind === 'damaged') this.#searched.nearMisses.push({ settings, unit: question.unit });
    if (heard.kind === 'silent' && !heard.hasEcho && this.#searched.attempts <= 2) {
      this.#searched.isStuck = this.#line.isStuck();
    }
    const unit = heard.kind === 'other-unit' ? this.#answeringUnit(heard, question) : question.unit;
    if (unit === undefined || !(GOOD.includes(heard.kind) || heard.kind === 'other-unit')) return undefined;
    return (await this.#isConfirmed({ ...question, unit })) ? unit : undefined;
  }

  /** Something came that does not answer this question: the unit before was asked in haste, and may be late. */
  async #lateUnit({ unit }: Question): Promise<number | undefined> {
    if (!this.#before || this.#before.unit === unit || this.#secondLooks++ >= MOST_SECOND_LOOKS) return undefined;
    await this.#line.listen(CONFIRM_PAUSE_MS);
    return (await this.#isConfirmed(this.#before)) ? this.#before.unit : undefined;
  }

  /** A frame of another unit counts where it answers what was asked; others ask others, too. */
  #answeringUnit({ raw, unit }: Heard, { functionCode, count }: Question): number | undefined {
    const frames = framesIn(raw);
    const reply = frames.find((frame) => frame[0] === unit && frame[1] === functionCode && frame[2] === count * 2);
    return reply && frames.length === 1 ? unit : undefined;
  }

  /** By a read of another length, which no late reply fits. */
  async #isConfirmed(question: Question): Promise<boolean> {
    const count = question.count === 1 ? 2 : question.count - 1;
    for (let tries = 0; tries < REPEATS; tries++) {
      const heard = await this.#ask({ ...question, count }, CONFIRM_WAIT_MS, CONFIRM_PAUSE_MS);
      if (GOOD.includes(heard.kind)) return true;
    }
    return false;
  }

  async #ask(question: Question, waitMs: number, pauseMs = 0): Promise<Heard> {
    const heard = await this.#line.ask(question, waitMs, pauseMs);
    const { kinds } = this.#searched;
    this.#searched.attempts++;
    kinds[heard.kind] = (kinds[heard.kind] ?? 0) + 1;
    if (heard.hasEcho) this.#searched.echoes++;
    if (heard.isByGateway) {
      this.#searched.gatewayRefusals++;
      this.#gatewayMs = Math.max(this.#gatewayMs, heard.wholeMs * GATEWAY_MARGIN);
    }
    return heard;
  }

  /** Settings are not what is wrong: a line that is swapped, or on which replies are broken at settings that were found. */
  #isPointless(next: Stage): boolean {
    const { kinds, attempts, nearMisses } = this.#searched;
    if (next === 'given' || next === 'factory') return false;
    const breaks = kinds.breaks ?? 0;
    // An adapter that glitches when it lets go of the line looks alike, but not at each rate.
    const isAtEachRate = next !== 'line' && next !== 'patient';
    if (isAtEachRate && breaks >= LEAST_BREAKS && breaks >= 0.9 * attempts) return true;
    return nearMisses.length > 0 && next !== 'line' && next !== 'patient';
  }
}

export function difference(after: LineCounters, before: LineCounters): LineCounters {
  return {
    frame: after.frame - before.frame,
    parity: after.parity - before.parity,
    breaks: after.breaks - before.breaks,
    overruns: after.overruns - before.overruns,
  };
}
