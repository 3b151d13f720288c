import { type Field, fieldEnd } from './model.ts';

/** Consecutive registers read by one request. */
export interface Block {
  address: number;
  count: number;
  fields: readonly Field[];
}

/** Modbus Application Protocol V1.1b3, 6.3: a read asks for 1 to 125 registers. */
export const MAX_REGISTERS = 125;

export interface PlanOptions {
  /** What a read of `count` registers costs, in any unit; it decides what is merged. */
  cost: (count: number) => number;
  /** Whether the meter may be asked for this block; single fields are always allowed. */
  allowed?: (address: number, count: number) => boolean;
  /** Register counts that must not be asked for now: a late answer of that length may still be on its way. */
  avoid?: ReadonlySet<number>;
}

export function blockOf(fields: readonly Field[]): Block {
  const first = fields[0];
  const last = fields.at(-1);
  if (!first || !last) throw new RangeError('a block needs at least one field');
  return { address: first.address, count: fieldEnd(last) - first.address, fields };
}

/**
 * Cheapest blocks that cover the fields: dynamic programming over the fields in address order. Fields that cannot be read
 * without an avoided length are left out and returned as `postponed`.
 */
export function planReads(fields: readonly Field[], options: PlanOptions): { blocks: Block[]; postponed: Field[] } {
  const sorted = [...fields].sort((a, b) => a.address - b.address);
  const postponement = 1e6 * options.cost(MAX_REGISTERS);
  const best: { cost: number; from: number; block: Block | undefined }[] = [{ cost: 0, from: 0, block: undefined }];
  for (let end = 1; end <= sorted.length; end++) {
    // Leaving the field out is the last resort; its price keeps the number of postponed fields minimal.
    let choice = {
      cost: (best[end - 1]?.cost ?? 0) + postponement,
      from: end - 1,
      block: undefined as Block | undefined,
    };
    for (let start = end - 1; start >= 0; start--) {
      const block = blockOf(sorted.slice(start, end));
      if (block.count > MAX_REGISTERS) break;
      if (options.avoid?.has(block.count)) continue;
      if (block.fields.length > 1 && options.allowed?.(block.address, block.count) === false) continue;
      const cost = (best[start]?.cost ?? 0) + options.cost(block.count);
      if (cost < choice.cost) choice = { cost, from: start, block };
    }
    best.push(choice);
  }
  const blocks: Block[] = [];
  const postponed: Field[] = [];
  for (let end = sorted.length; end > 0; ) {
    const choice = best[end];
    if (!choice) break;
    if (choice.block) blocks.unshift(choice.block);
    else postponed.unshift(...sorted.slice(choice.from, end));
    end = choice.from;
  }
  return { blocks: separateEqualLengths(blocks), postponed };
}

/**
 * RTU replies carry no register address: only their length tells one read's answer from the next one's. So blocks of equal
 * length are kept apart, where the number of lengths allows it; a doubled reply then never fits the request after it.
 */
function separateEqualLengths(blocks: readonly Block[]): Block[] {
  const left = [...blocks];
  const ordered: Block[] = [];
  while (left.length > 0) {
    const frequency = new Map<number, number>();
    for (const block of left) frequency.set(block.count, (frequency.get(block.count) ?? 0) + 1);
    const previous = ordered.at(-1)?.count;
    const candidates = left.filter((block) => block.count !== previous);
    const next = (candidates.length > 0 ? candidates : left).reduce((a, b) =>
      (frequency.get(b.count) ?? 0) > (frequency.get(a.count) ?? 0) ? b : a,
    );
    left.splice(left.indexOf(next), 1);
    ordered.push(next);
  }
  return ordered;
}

/**
 * The block's fields in two parts, cut where a refused register likeliest is: at the hole with the most unassigned
 * registers, then at the widest one, then in the middle.
 */
export function halve(block: Block, unassigned: readonly number[] = []): [Block, Block] | undefined {
  const holes = block.fields.slice(1).map((right, i) => {
    const from = fieldEnd(block.fields[i] ?? right);
    const suspects = unassigned.filter((register) => register >= from && register < right.address).length;
    return { cut: i + 1, suspects, width: right.address - from, offCentre: Math.abs(i + 1 - block.fields.length / 2) };
  });
  holes.sort((a, b) => b.suspects - a.suspects || b.width - a.width || a.offCentre - b.offCentre);
  const cut = holes[0]?.cut;
  return cut === undefined ? undefined : [blockOf(block.fields.slice(0, cut)), blockOf(block.fields.slice(cut))];
}
