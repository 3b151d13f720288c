import type { Block } from './planner.ts';

/** Refusals of one block: an exception, or silence while narrower reads are answered. */
interface Refusal {
  address: number;
  count: number;
  /** Consecutive refusals; any answer to the block clears them. */
  failures: number;
  /** UTC ms after which the block is tried again; 0 while there are too few failures to believe it. */
  retestAtMs: number;
  retestAfterMs: number;
}

export interface AcceptanceState {
  accepted: { address: number; count: number }[];
  refused: Refusal[];
}

/** One exception may be noise (wb-mqtt-serial 806), one silence a lost frame; three in a row are the meter's word. */
const FAILURES_TO_BELIEVE = 3;
const FIRST_RETEST_MS = 10 * 60_000;
const LONGEST_RETEST_MS = 24 * 3_600_000;

const covers = (a: { address: number; count: number }, address: number, count: number): boolean =>
  a.address <= address && address + count <= a.address + a.count;

const overlaps = (a: { address: number; count: number }, address: number, count: number): boolean =>
  a.address < address + count && address < a.address + a.count;

/**
 * What a meter lets itself be asked for. Public sources disagree on which ranges a WE-515 answers, and some meters stay
 * silent instead of refusing (node-modbus-serial 505), so it is learned, remembered across restarts and retested.
 */
export class Acceptance {
  readonly #accepted = new Map<string, { address: number; count: number }>();
  readonly #refused = new Map<string, Refusal>();
  #changed = false;

  constructor(state?: AcceptanceState) {
    for (const range of state?.accepted ?? []) this.#accepted.set(`${range.address}+${range.count}`, range);
    for (const refusal of state?.refused ?? []) this.#refused.set(`${refusal.address}+${refusal.count}`, refusal);
  }

  /** May several fields be read by this one block? Inside a refused range only what was once answered is asked for. */
  allows(address: number, count: number): boolean {
    for (const refusal of this.#refused.values()) {
      if (refusal.retestAtMs === 0 || !overlaps(refusal, address, count)) continue;
      if (!this.#known(address, count)) return false;
    }
    return true;
  }

  /** A lone field that the meter refuses, and never once answered: this meter does not have it. */
  lacks(address: number, count: number): boolean {
    return (this.#refused.get(`${address}+${count}`)?.retestAtMs ?? 0) > 0 && !this.allows(address, count);
  }

  #known(address: number, count: number): boolean {
    return [...this.#accepted.values()].some((range) => covers(range, address, count));
  }

  answered(block: Block): void {
    const key = `${block.address}+${block.count}`;
    if (this.#refused.delete(key)) this.#changed = true;
    if (this.#accepted.has(key)) return;
    this.#accepted.set(key, { address: block.address, count: block.count });
    this.#changed = true;
  }

  /** The meter answered with an exception, or kept silent while narrower reads of the same registers were answered. */
  refusedBy(block: Block, nowMs: number): void {
    // A register that was once answered is there: its refusal is the meter's mood, not its table.
    if (block.fields.length === 1 && this.#known(block.address, block.count)) return;
    const key = `${block.address}+${block.count}`;
    const refusal = this.#refused.get(key) ?? {
      address: block.address,
      count: block.count,
      failures: 0,
      retestAtMs: 0,
      retestAfterMs: FIRST_RETEST_MS,
    };
    refusal.failures++;
    if (refusal.failures >= FAILURES_TO_BELIEVE) {
      refusal.retestAtMs = nowMs + refusal.retestAfterMs;
      for (const [other, range] of this.#accepted) {
        if (covers(range, block.address, block.count)) this.#accepted.delete(other);
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
