import { Acceptance, type AcceptanceState } from '../meters/acceptance.ts';
import { decodeBlock } from '../meters/codec.ts';
import type { Field, MeterModel } from '../meters/model.ts';
import { type Block, halve, planReads, type Range } from '../meters/planner.ts';
import { BusError, type BusErrorKind } from '../modbus/bus-error.ts';
import { interFrameMs, readWireMs, type Wire } from '../modbus/connection.ts';
import { type GapCause, METER_MEASUREMENT, type Series, type Values } from '../readings/reading.ts';
import type { MeterBus, MeterLine } from './meter-line.ts';
import { type Memory, type Sample, SampleError, type Source } from './source.ts';
import type { ReadPlan } from './station.ts';

/** Unknown turnaround of a meter, for weighing one more request against a few more registers. */
const TURNAROUND_MS = 20;

/** Unanswered requests after which the rest of the tick is left to the other meters of the line. */
const PATIENCE_REQUESTS = 2;

/** A block is refused for its address or its size (Modbus Application Protocol V1.1b3, 7). */
const REFUSALS = new Set([2, 3]);

const GAP_CAUSE: Record<BusErrorKind, GapCause> = {
  timeout: 'timeout',
  crc: 'crc',
  truncated: 'crc',
  noise: 'noise',
  exception: 'exception',
  disconnected: 'disconnected',
  busy: 'busy',
};

export interface ModbusMeterOptions {
  name: string;
  model: MeterModel;
  unit: number;
  link: MeterLine;
  memory: Memory;
  /** Longest wait for the first byte of an answer, ms; undefined: the model's, or else the line's. */
  responseMs?: number | undefined;
}

interface Failure {
  block: Block;
  error: BusError;
}

/** Everything gathered within one sample. */
interface Progress {
  values: Values;
  raw: string[];
  missing: Field[];
  failures: Failure[];
  /** What no block may span any more in this sample: where a failed block was cut in two. */
  cuts: Pick<Range, 'functionCode' | 'address'>[];
}

/** A meter on a Modbus line: reads all its quantities in few blocks, repeats within the deadline what failed. */
export class ModbusMeter implements Source {
  readonly series: Series;
  readonly decimals: Readonly<Record<string, number>>;
  readonly #options: ModbusMeterOptions;
  readonly #acceptance: Acceptance;
  readonly #memoryKey: string;

  constructor(options: ModbusMeterOptions) {
    this.#options = options;
    this.series = { measurement: METER_MEASUREMENT, meter: options.name, model: options.model.name };
    this.decimals = Object.fromEntries(options.model.fields.map((field) => [field.quantity, field.decimals]));
    this.#memoryKey = `acceptance/${options.name}/${options.model.name}`;
    this.#acceptance = new Acceptance(options.memory.load(this.#memoryKey) as AcceptanceState | undefined);
  }

  /** The blocks that an undisturbed sample of everything reads now. */
  plan(): Block[] {
    const { maxBlock } = this.#options.model;
    return planReads(this.#wanted(), {
      cost: this.#cost,
      maxBlock,
      allowed: (range) => this.#acceptance.allows(range),
    }).blocks;
  }

  /** On the line, without the meter's own delay. */
  leastMs(): number {
    const { link, model } = this.#options;
    return this.plan().reduce((sum, { count }) => sum + readTimeMs(link.connector.wire, count) + model.pauseMs, 0);
  }

  /** What a sample of everything is expected to take of its line. */
  expected(): ReadPlan {
    const turnaroundMs = this.#turnaroundMs;
    const blocks = this.plan();
    return {
      needMs: blocks.reduce((sum, { count }) => sum + this.#cost(count), 0),
      requests: blocks.length,
      turnaroundMs,
    };
  }

  async sample(deadlineMs: number, resting?: ReadonlySet<string>): Promise<Sample> {
    const bus = this.#options.link.bus();
    if (!bus) {
      const problem = this.#options.link.problem;
      throw new SampleError('disconnected', problem?.message ?? 'the line is not open yet', { cause: problem });
    }
    this.#acceptance.retest(Date.now());
    const progress: Progress = { values: {}, raw: [], missing: this.#wanted(resting), failures: [], cuts: [] };
    try {
      while (progress.missing.length > 0 && (await this.#pass(bus, progress, deadlineMs)));
    } finally {
      this.#learn(progress);
      this.#tellLink(progress);
    }
    if (progress.missing.length > 0 || progress.raw.length === 0) throw this.#failed(progress);
    return { values: progress.values, raw: progress.raw.join(' ') };
  }

  /** Reads what is missing by one plan. False: another pass cannot help or has no time. */
  async #pass(bus: MeterBus, progress: Progress, deadlineMs: number): Promise<boolean> {
    const { unit } = this.#options;
    const { blocks } = planReads(progress.missing, {
      cost: this.#cost,
      maxBlock: this.#options.model.maxBlock,
      avoid: (range) => bus.owes({ ...range, unit }),
      allowed: (range) => this.#acceptance.allows(range) && !progress.cuts.some((cut) => liesWithin(cut, range)),
    });
    if (blocks.length === 0) return false;
    for (const block of blocks) {
      // A failure earlier in this pass owes this length as well: the next pass plans these fields otherwise.
      if (bus.owes({ ...block, unit })) continue;
      try {
        await this.#read(bus, block, progress, deadlineMs);
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        progress.failures.push({ block, error });
        const second = halve(block, this.#options.model.unassigned)?.[1];
        if (second) progress.cuts.push(second);
        const over = error.kind === 'disconnected' || error.kind === 'busy' || performance.now() >= deadlineMs;
        if (over || error.final) return false;
        const silent =
          progress.raw.length === 0 && progress.failures.every((failure) => failure.error.kind === 'timeout');
        if (silent && progress.failures.length >= PATIENCE_REQUESTS) return false;
      }
    }
    return true;
  }

  async #read(bus: MeterBus, block: Block, progress: Progress, deadlineMs: number): Promise<void> {
    const { unit, model } = this.#options;
    const { functionCode, address, count } = block;
    const patience = { pauseMs: model.pauseMs, responseMs: this.#options.responseMs ?? model.responseMs };
    const registers = await bus.read({ unit, functionCode, address, count, ...patience }, deadlineMs);
    Object.assign(progress.values, decodeBlock(block.fields, registers, address));
    progress.raw.push(`${address.toString(16).padStart(4, '0')}:${registers.toString('hex')}`);
    progress.missing = progress.missing.filter((field) => !block.fields.includes(field));
    this.#acceptance.answered(block);
  }

  /** Silence speaks against the line; whatever came, be it damaged, shows that it carries. */
  #tellLink({ raw, failures }: Progress): void {
    const silent = failures.filter(({ error }) => error.kind === 'timeout').length;
    const heard = failures.some(({ error }) => ['exception', 'crc', 'truncated', 'noise'].includes(error.kind));
    if (raw.length > 0 || heard) this.#options.link.answered();
    else if (silent > 0) this.#options.link.unanswered();
  }

  /**
   * A block failed while others were answered, and its registers were then read otherwise: that is the block's fault, not
   * the line's, nor that of a meter which refuses everything while it starts. Once a block and sample.
   */
  #learn(progress: Progress): void {
    const seen = new Set<string>();
    for (const { block, error } of progress.raw.length > 0 ? progress.failures : []) {
      const key = `${block.functionCode}/${block.address}+${block.count}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const refused = error.kind === 'exception' && REFUSALS.has(error.exceptionCode ?? 0);
      const alone = block.fields.length === 1;
      const restAnswered = block.fields.every((field) => !progress.missing.includes(field));
      if ((refused && alone) || ((refused || error.kind === 'timeout') && !alone && restAnswered)) {
        this.#acceptance.refusedBy(block, Date.now());
      }
    }
    if (this.#acceptance.takeChanged()) this.#options.memory.save(this.#memoryKey, this.#acceptance.state());
  }

  #wanted(resting?: ReadonlySet<string>): Field[] {
    return this.#options.model.fields.filter(
      (field) => !resting?.has(field.quantity) && !this.#acceptance.lacks({ ...field, count: field.words }),
    );
  }

  readonly #cost = (count: number): number => readTimeMs(this.#options.link.connector.wire, count) + this.#turnaroundMs;

  get #turnaroundMs(): number {
    return Math.max(TURNAROUND_MS, this.#options.model.pauseMs);
  }

  #failed(progress: Progress): SampleError {
    const last = progress.failures.at(-1)?.error;
    if (!last)
      return new SampleError(
        'busy',
        'nothing can be asked for now: late replies of every usable length may still arrive',
      );
    // 'busy' says only that there was no time left for what failed before it.
    const telling = progress.failures.findLast(({ error }) => error.kind !== 'busy')?.error ?? last;
    return new SampleError(GAP_CAUSE[telling.kind], telling.message, {
      raw: telling.raw.toString('hex'),
      cause: telling,
    });
  }
}

function liesWithin(cut: Pick<Range, 'functionCode' | 'address'>, { functionCode, address, count }: Range): boolean {
  return cut.functionCode === functionCode && cut.address > address && cut.address < address + count;
}

/** Milliseconds of a whole read on an idle line: request and reply with the silence before each. */
export function readTimeMs(wire: Wire, registers: number): number {
  return readWireMs(wire, registers) + 2 * interFrameMs(wire);
}
