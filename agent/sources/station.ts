import type { Bus, ReadRequest } from '../modbus/bus.ts';
import { BusError } from '../modbus/bus-error.ts';
import { type Connector, interFrameMs, isSameWire, readWireMs, type Wire } from '../modbus/connection.ts';
import type { AgentError } from '../system/errors.ts';
import { Health, type SilenceTiming } from './health.ts';
import type { LineQueue } from './line-queue.ts';
import type { MeterBus, MeterLine } from './meter-line.ts';
import type { Claim, Sharer, Waiting } from './turns.ts';

export interface StationOptions {
  intervalMs: number;
  /** Settings of the line that the meter needs. */
  wire: Wire;
  /** Longest wait for the first byte of its answer. */
  responseMs: number;
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
  /** Line time so far. */
  usedMs: number;
  turns: number;
  failed: boolean;
}

/** Time in which line time that was used is forgotten to a third. */
const USAGE_MEMORY_MS = 5000;
/** A share of what was the most lately goes with each new measurement. */
const FORGETTING = 0.05;
/** What is added to the longest that an answer took lately. */
const LATENCY_SLACK_MS = 10;
/** The silence before a request after anything went wrong, and some more for a busy machine. */
const SETTLE_MS = 30;
/** What a driver may take for other settings at most: a USB adapter some transfers of 1 ms each. */
const RETUNE_MS = 50;
/** Of a meter that has never answered. */
const UNKNOWN_LATENCY_MS = 40;
/** As long as a loop gives a sample (collector/meter-loop.ts). */
const LONGEST_SAMPLE_MS = 3000;
/** The share of its interval that the loop gives a sample (collector/meter-loop.ts). */
const SAMPLE_SHARE = 0.97;
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
  #needMs = 0;
  #measured = false;
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

  get answers(): boolean {
    return this.#health.answers;
  }

  /** Line time of one sample, ms: the most lately; as planned until something was measured. */
  get needMs(): number {
    return this.#needMs;
  }

  /** Until a whole sample was read, what was planned holds. */
  get measured(): boolean {
    return this.#measured;
  }

  /** @param needMs line time of one sample by the plan of its reads */
  expect(needMs: number): void {
    if (!this.#measured) this.#needMs = needMs;
  }

  bus(): MeterBus | undefined {
    const bus = this.#line.bus();
    if (!bus) return undefined;
    if (bus !== this.#lastBus) this.#health.askAgain();
    this.#lastBus = bus;
    return {
      owedLengths: (unit) => bus.owedLengths(unit),
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
    return nowMs - this.#askedMs - this.intervalMs - this.#line.silence.longestPauseMs;
  }

  usageMs(nowMs: number): number {
    return this.#usage.ms * Math.exp((this.#usage.atMs - nowMs) / USAGE_MEMORY_MS);
  }

  claim(nowMs: number): Claim | undefined {
    const { intervalMs } = this;
    if (!this.#point) return undefined;
    const { startMs, deadlineMs, usedMs, turns } = this.#point;
    if (this.#line.queue.isServing(this)) {
      const needMs = Math.max(this.#needMs - usedMs, 0);
      return { underWay: true, begun: turns > 0, dueMs: startMs, deadlineMs, needMs };
    }
    const passed = Math.max(1, Math.ceil((nowMs - startMs) / intervalMs - LATEST));
    const dueMs = startMs + passed * intervalMs;
    const nextDeadlineMs = dueMs + Math.min(intervalMs * SAMPLE_SHARE, LONGEST_SAMPLE_MS);
    return { underWay: false, begun: false, dueMs, deadlineMs: nextDeadlineMs, needMs: this.#needMs };
  }

  async #read(bus: Bus, request: ReadRequest, deadlineMs: number): Promise<Buffer> {
    const point = this.#pointOf(deadlineMs);
    const pointless = this.#whyNot(bus, request.unit, point);
    if (pointless) throw pointless;
    const { wire } = this.#options;
    const asked = { ...request, wire, responseMs: request.responseMs ?? this.#options.responseMs };
    const wireMs = bus.leastMs(asked);
    const waiting: Waiting = {
      sharer: this,
      deadlineMs,
      wireMs,
      expectedMs: wireMs + (this.#latencyMs ?? UNKNOWN_LATENCY_MS) + LATENCY_SLACK_MS,
      fullMs: () => readWireMs(wire, request.count) + bus.responseMs(asked) + preparationMs(bus, wire),
      tuned: () => isTuned(bus, wire),
    };
    try {
      return await this.#onTurn(waiting, point, async (untilMs) => {
        const startMs = performance.now();
        const registers = await bus.read(asked, untilMs);
        const latencyMs = performance.now() - startMs - wireMs;
        this.#latencyMs = Math.max(latencyMs, (this.#latencyMs ?? 0) * (1 - FORGETTING));
        this.#health.answered();
        return registers;
      });
    } catch (error) {
      point.failed = true;
      throw error instanceof BusError ? this.#health.failed(error, point.startMs, performance.now()) : error;
    }
  }

  /** Where a meter that answers shares the line, a silent one is not always asked. */
  #whyNot(bus: Bus, unit: number, point: Point): BusError | undefined {
    if (this.living || !this.#others().some((other) => other.living)) return undefined;
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
      this.#usage = { ms: this.usageMs(nowMs) + nowMs - this.#askedMs, atMs: nowMs };
      turn.end();
    }
  }

  /** A sample is known by its deadline: one that is read again, because a guard doubts it, has the same. */
  #pointOf(deadlineMs: number): Point {
    const last = this.#point;
    if (last?.deadlineMs === deadlineMs) return last;
    if (last && last.turns > 0 && !last.failed) {
      this.#needMs = Math.max(last.usedMs, this.#measured ? this.#needMs * (1 - FORGETTING) : 0);
      this.#measured = true;
    }
    this.#point = { startMs: performance.now(), deadlineMs, usedMs: 0, turns: 0, failed: false };
    return this.#point;
  }

  #others(): Sharer[] {
    return [...this.#line.queue.sharers].filter((other) => other !== this);
  }
}

/** The silences before a request, and the change of settings between two of them. */
function preparationMs(bus: Bus, wire: Wire): number {
  return isTuned(bus, wire) ? SETTLE_MS : SETTLE_MS + RETUNE_MS + 2 * interFrameMs(wire);
}

function isTuned(bus: Bus, wire: Wire): boolean {
  const tuned = bus.tuned();
  return tuned !== undefined && isSameWire(tuned, wire);
}
