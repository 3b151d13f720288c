import type { Bus } from '../modbus/bus.ts';
import { BusError } from '../modbus/bus-error.ts';
import { type Connector, interFrameMs, isSameWire, readWireMs, type Wire } from '../modbus/connection.ts';
import type { ReadRequest } from '../modbus/exchange.ts';
import type { AgentError } from '../system/errors.ts';
import { Health, type SilenceTiming } from './health.ts';
import type { LineQueue } from './line-queue.ts';
import type { MeterBus, MeterLine } from './meter-line.ts';
import { FORGETTING, SampleTime } from './sample-time.ts';
import type { Claim, Sharer, Waiting } from './turns.ts';

export interface StationOptions {
  intervalMs: number;
  /** Settings of the line that the meter needs. */
  wire: Wire;
  /** Longest wait for the first byte of its answer. */
  responseMs: number;
  /** What its line carries only its answers tell: it lies behind a gateway. */
  isPaceUnknown?: boolean;
}

/** A sample as planned. */
export interface ReadPlan {
  /** Line time, ms, with the turnaround that is assumed for each request. */
  needMs: number;
  requests: number;
  turnaroundMs: number;
}

/** What a station needs of its line. */
export interface StationLine {
  readonly queue: LineQueue;
  readonly silence: SilenceTiming;
  readonly problem: AgentError | undefined;
  bus(): Bus | undefined;
  answered(): void;
  unanswered(): void;
}

/** The sample of one point of the meter's grid. */
interface Point {
  startMs: number;
  deadlineMs: number;
  /** Line time that the meter had taken lately when it began. */
  usageMs: number;
  /** Line time so far, and what the request that waits usually takes. */
  usedMs: number;
  nextMs: number;
  turns: number;
  failed: boolean;
}

/** Time in which line time that was used is forgotten to a third. */
const USAGE_MEMORY_MS = 1000;
/** What is added to the longest that an answer took lately. */
const LATENCY_SLACK_MS = 10;
/** The silence before a request after anything went wrong, and some more for a busy machine. */
const SETTLE_MS = 30;
/** What a driver may take for other settings at most: a USB adapter some transfers of 1 ms each. */
const RETUNE_MS = 50;
/** Of a meter that has never answered. */
const UNKNOWN_LATENCY_MS = 40;
/** Of its interval: with so much time left a request is tried, whatever it usually takes. */
const LEAST_SHARE = 0.4;
/** As long as a loop gives a sample (collector/meter-loop.ts). */
const LONGEST_SAMPLE_MS = 3000;
/** The share of its interval that the loop gives a sample (collector/meter-loop.ts). */
const SAMPLE_SHARE = 0.97;
/** Shares of an interval: of the longest sample that gets a turn beside others, and of one that is tried first. */
const LARGEST_GUESS = 0.9;
const FIRST_GUESS = 0.25;
/** A point that has not begun after this share of its interval is left out (collector/grid.ts). */
const LATEST = 0.5;

/** One meter's place on a line: asks for its turns, and knows what the meter takes and whether it answers. */
export class Station implements MeterLine, Sharer {
  readonly connector: Pick<Connector, 'wire'>;
  readonly intervalMs: number;
  readonly #options: StationOptions;
  readonly #line: StationLine;
  readonly #health: Health;
  #lastBus: Bus | undefined;
  #point: Point | undefined;
  #plan: ReadPlan = { needMs: 0, requests: 0, turnaroundMs: 0 };
  readonly #sampleTime = new SampleTime();
  #latencyMs: number | undefined;
  #usage = { ms: 0, atMs: 0 };
  #askedMs = performance.now();

  constructor(options: StationOptions, line: StationLine) {
    this.#options = options;
    this.#line = line;
    this.#health = new Health(line.silence);
    this.connector = { wire: options.wire };
    this.intervalMs = options.intervalMs;
  }

  get problem(): AgentError | undefined {
    return this.#line.problem;
  }

  /** It answered when it was last asked, or was never asked. */
  get living(): boolean {
    return !this.#health.isSilent;
  }

  isShaky(nowMs: number): boolean {
    return this.#health.isShaky(nowMs);
  }

  get dead(): boolean {
    return this.#health.isDead;
  }

  get answers(): boolean {
    return this.#health.answers;
  }

  /** Line time of one sample, ms: the most lately; until one was read whole, as planned with the answers' real time. */
  get needMs(): number {
    const { needMs, requests, turnaroundMs } = this.#plan;
    const slowerMs = Math.max(0, (this.#latencyMs ?? 0) - turnaroundMs);
    const guessMs = needMs + requests * slowerMs;
    // What lies behind a gateway can be faster: a guess that never fits would keep it from ever being measured.
    const isTooLong = this.#options.isPaceUnknown && guessMs > this.intervalMs * LARGEST_GUESS;
    return this.#sampleTime.ms ?? (isTooLong ? this.intervalMs * FIRST_GUESS : guessMs);
  }

  get measured(): boolean {
    return this.#sampleTime.ms !== undefined;
  }

  /** What a sample is expected to take. */
  expect(plan: ReadPlan): void {
    this.#plan = plan;
  }

  bus(): MeterBus | undefined {
    const bus = this.#line.bus();
    if (!bus) return undefined;
    if (bus !== this.#lastBus) this.#health.askAgain();
    this.#lastBus = bus;
    return {
      owes: (shape) => bus.owes(shape),
      read: (request, deadlineMs) => this.#read(bus, request, deadlineMs),
    };
  }

  answered(): void {
    this.#line.answered();
  }

  /** A meter's silence speaks against the line only when it was asked, and when no other one answers there. */
  unanswered(): void {
    const othersAnswer = this.#others().some((other) => other.answers);
    if ((this.#point?.turns ?? 0) > 0 && !othersAnswer) this.#line.unanswered();
  }

  overdueMs(nowMs: number): number {
    const pauseMs = this.dead ? this.#line.silence.longestPauseMs : 0;
    return nowMs - this.#askedMs - this.intervalMs - pauseMs;
  }

  get usageMs(): number {
    return this.#point?.usageMs ?? 0;
  }

  claim(nowMs: number): Claim | undefined {
    const { intervalMs } = this;
    if (!this.#point) return undefined;
    const { startMs, deadlineMs, usedMs, nextMs } = this.#point;
    const sampleMs = this.needMs;
    if (this.#line.queue.isServing(this)) {
      return { underWay: true, dueMs: startMs, deadlineMs, sampleMs, needMs: Math.max(sampleMs - usedMs, nextMs) };
    }
    const passed = Math.max(1, Math.ceil((nowMs - startMs) / intervalMs - LATEST));
    const dueMs = startMs + passed * intervalMs;
    const nextDeadlineMs = dueMs + Math.min(intervalMs * SAMPLE_SHARE, LONGEST_SAMPLE_MS);
    return { underWay: false, dueMs, deadlineMs: nextDeadlineMs, sampleMs, needMs: sampleMs };
  }

  async #read(bus: Bus, request: ReadRequest, deadlineMs: number): Promise<Buffer> {
    const point = this.#pointOf(deadlineMs);
    const pointless = this.#whyNot(bus, request.unit, point);
    if (pointless) throw pointless;
    const { wire } = this.#options;
    const asked = { ...request, wire, responseMs: request.responseMs ?? this.#options.responseMs };
    const wireMs = bus.leastMs(asked);
    const usualMs = wireMs + (this.#latencyMs ?? UNKNOWN_LATENCY_MS) + LATENCY_SLACK_MS;
    const fullMs = () => readWireMs(wire, request.count) + bus.responseMs(asked) + preparationMs(bus, asked);
    point.nextMs = usualMs;
    // Who gave no answer is likely to give none again: the others have to be able to spare all of it.
    const expectedMs = this.living && this.#health.isUnanswered ? fullMs() : usualMs;
    const waiting: Waiting = {
      sharer: this,
      deadlineMs,
      // A request that is cut off leaves a debt; one long answer must not keep a meter from being asked for ever.
      leastMs: Math.max(wireMs, Math.min(usualMs - LATENCY_SLACK_MS, this.intervalMs * LEAST_SHARE)),
      expectedMs,
      fullMs,
      tuned: () => isTuned(bus, wire),
    };
    // Cut short for the others' sake, or by its deadline, its silence says nothing.
    let hadTime = false;
    try {
      return await this.#onTurn(waiting, point, async (untilMs) => {
        const startMs = performance.now();
        hadTime = untilMs - startMs >= Math.min(usualMs, fullMs());
        const registers = await bus.read(asked, untilMs);
        const latencyMs = performance.now() - startMs - wireMs;
        this.#latencyMs = Math.max(latencyMs, (this.#latencyMs ?? 0) * (1 - FORGETTING));
        this.#health.answered();
        return registers;
      });
    } catch (error) {
      point.failed = true;
      if (!(error instanceof BusError) || (error.kind === 'timeout' && !hadTime)) throw error;
      // That a silent one had no turn does not change why there is no reading.
      if (error.kind === 'busy') throw this.#health.unheard() ?? error;
      throw this.#health.failed(error, point.startMs, performance.now());
    }
  }

  /** Where a meter that answers shares the line, a silent one is not always asked. */
  #whyNot(bus: Bus, unit: number, point: Point): BusError | undefined {
    if (!this.#health.isUnanswered || !this.#others().some((other) => other.living)) return undefined;
    if (bus.isAwaited(unit)) return this.#health.unheard();
    return point.turns === 0 ? this.#health.resting(performance.now()) : undefined;
  }

  async #onTurn<T>(waiting: Waiting, point: Point, use: (untilMs: number) => Promise<T>): Promise<T> {
    const turn = await this.#line.queue.turn(waiting);
    this.#askedMs = performance.now();
    point.turns++;
    try {
      return await use(turn.untilMs);
    } finally {
      const nowMs = performance.now();
      point.usedMs += nowMs - this.#askedMs;
      this.#usage = { ms: this.#usageAt(nowMs) + nowMs - this.#askedMs, atMs: nowMs };
      turn.end();
    }
  }

  /** A sample is known by its deadline: one that is read again, because a guard doubts it, has the same. */
  #pointOf(deadlineMs: number): Point {
    const last = this.#point;
    if (last?.deadlineMs === deadlineMs) return last;
    if (last) this.#learn(last);
    const startMs = performance.now();
    this.#point = {
      startMs,
      deadlineMs,
      usageMs: this.#usageAt(startMs),
      usedMs: 0,
      nextMs: 0,
      turns: 0,
      failed: false,
    };
    return this.#point;
  }

  #learn({ usedMs, turns, failed }: Point): void {
    if (turns === 0) this.#sampleTime.leftOut();
    else if (!failed) this.#sampleTime.took(usedMs);
  }

  #usageAt(nowMs: number): number {
    return this.#usage.ms * Math.exp((this.#usage.atMs - nowMs) / USAGE_MEMORY_MS);
  }

  #others(): Sharer[] {
    return [...this.#line.queue.sharers].filter((other) => other !== this);
  }
}

/** The silences before a request, and the change of settings between two of them. */
function preparationMs(bus: Bus, { wire = bus.wire, pauseMs = 0 }: ReadRequest): number {
  const silenceMs = Math.max(SETTLE_MS, pauseMs);
  return isTuned(bus, wire) ? silenceMs : silenceMs + RETUNE_MS + 2 * interFrameMs(wire);
}

function isTuned(bus: Bus, wire: Wire): boolean {
  const tuned = bus.tuned();
  return tuned !== undefined && isSameWire(tuned, wire);
}
