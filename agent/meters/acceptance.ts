import type { FunctionCode } from './model.ts';
import type { Block, Range } from './planner.ts';

/** Refusals of one block: an exception, or silence while narrower reads are answered. */
interface Refusal extends Range {
  /** Consecutive refusals; any answer to the block clears them. */
  failures: number;
  /** UTC ms after which the block is tried again; 0 while there are too few failures to believe it. */
  retestAtMs: number;
  retestAfterMs: number;
}

/** A range as it is remembered: of older versions, which read holding registers only, without its function code. */
type Remembered<Of extends Range> = Omit<Of, 'functionCode'> & { functionCode?: FunctionCode };

export interface AcceptanceState {
  accepted: Remembered<Range>[];
  refused: Remembered<Refusal>[];
}

/** One exception may be noise (wb-mqtt-serial 806), one silence a lost frame; three in a row are the meter's word. */
const FAILURES_TO_BELIEVE = 3;
const FIRST_RETEST_MS = 10 * 60_000;
const LONGEST_RETEST_MS = 24 * 3_600_000;

const covers = (a: Range, b: Range): boolean =>
  a.functionCode === b.functionCode && a.address <= b.address && b.address + b.count <= a.address + a.count;

const overlaps = (a: Range, b: Range): boolean =>
  a.functionCode === b.functionCode && a.address < b.address + b.count && b.address < a.address + a.count;

const keyOf = ({ functionCode, address, count }: Range): string => `${functionCode}/${address}+${count}`;
const rangeOf = ({ functionCode, address, count }: Range): Range => ({ functionCode, address, count });

/**
 * What a meter lets itself be asked for. Public sources disagree on which ranges a WE-515 answers, and some meters stay
 * silent instead of refusing (node-modbus-serial 505), so it is learned, remembered across restarts and retested.
 */
export class Acceptance {
  readonly #accepted = new Map<string, Range>();
  readonly #refused = new Map<string, Refusal>();
  #changed = false;

  constructor(state?: AcceptanceState) {
    for (const one of state?.accepted ?? []) {
      const range = { ...one, functionCode: one.functionCode ?? 3 };
      this.#accepted.set(keyOf(range), range);
    }
    for (const one of state?.refused ?? []) {
      const refusal = { ...one, functionCode: one.functionCode ?? 3 };
      this.#refused.set(keyOf(refusal), refusal);
    }
  }

  /** May several fields be read by this one block? Inside a refused range only what was once answered is asked for. */
  allows(range: Range): boolean {
    for (const refusal of this.#refused.values()) {
      if (refusal.retestAtMs === 0 || !overlaps(refusal, range)) continue;
      if (!this.#known(range)) return false;
    }
    return true;
  }

  /** A lone field that the meter refuses, and never once answered: this meter does not have it. */
  lacks(range: Range): boolean {
    return (this.#refused.get(keyOf(range))?.retestAtMs ?? 0) > 0 && !this.allows(range);
  }

  #known(range: Range): boolean {
    return [...this.#accepted.values()].some((accepted) => covers(accepted, range));
  }

  answered(block: Block): void {
    const key = keyOf(block);
    if (this.#refused.delete(key)) this.#changed = true;
    if (this.#accepted.has(key)) return;
    this.#accepted.set(key, rangeOf(block));
    this.#changed = true;
  }

  /** The meter answered with an exception, or kept silent while narrower reads of the same registers were answered. */
  refusedBy(block: Block, nowMs: number): void {
    // A register that was once answered is there: its refusal is the meter's mood, not its table.
    if (block.fields.length === 1 && this.#known(block)) return;
    const key = keyOf(block);
    const refusal = this.#refused.get(key) ?? {
      ...rangeOf(block),
      failures: 0,
      retestAtMs: 0,
      retestAfterMs: FIRST_RETEST_MS,
    };
    refusal.failures++;
    if (refusal.failures >= FAILURES_TO_BELIEVE) {
      refusal.retestAtMs = nowMs + refusal.retestAfterMs;
      for (const [other, range] of this.#accepted) {
        if (covers(range, block)) this.#accepted.delete(other);
      }
      this.#changed = true;
    }
    this.#refused.set(key, refusal);
  }

  /** Believed refusals whose time has come are forgotten down to one failure: asked once more, refused at once if repeated. */
  retest(nowMs: number): void {
    for (const refusal of this.#refused.values()) {
      // A time beyond the longest wait was set by a clock that was ahead.
      const waiting = nowMs < refusal.retestAtMs && refusal.retestAtMs - nowMs <= LONGEST_RETEST_MS;
      if (refusal.retestAtMs === 0 || waiting) continue;
      refusal.retestAtMs = 0;
      refusal.failures = FAILURES_TO_BELIEVE - 1;
      refusal.retestAfterMs = Math.min(refusal.retestAfterMs * 2, LONGEST_RETEST_MS);
    }
  }

  /** True once after each change worth remembering. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  state(): AcceptanceState {
    return {
      accepted: [...this.#accepted.values()],
      refused: [...this.#refused.values()].filter((refusal) => refusal.retestAtMs > 0),
    };
  }
}
