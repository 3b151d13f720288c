import { type Field, type FunctionCode, fieldEnd, MAX_REGISTERS } from './model.ts';

/** Consecutive registers of one space. */
export interface Range {
  functionCode: FunctionCode;
  address: number;
  count: number;
}

/** Registers read by one request. */
export interface Block extends Range {
  fields: readonly Field[];
}

export interface PlanOptions {
  /** What a read of `count` registers costs, in any unit; it decides what is merged. */
  cost: (count: number) => number;
  /** Whether the meter may be asked for this block; single fields are always allowed. */
  allowed?: (range: Range) => boolean;
  /** What must not be asked for now: a late answer of this function and length may still be on its way. */
  avoid?: (range: Range) => boolean;
  /** Most registers of one read; a field that is wider is read by itself all the same. */
  maxBlock?: number;
}

export function blockOf(fields: readonly Field[]): Block {
  const first = fields[0];
  const last = fields.at(-1);
  if (!first || !last) throw new RangeError('a block needs at least one field');
  return {
    functionCode: first.functionCode,
    address: first.address,
    count: fieldEnd(last) - first.address,
    fields,
  };
}

export interface Plan {
  blocks: Block[];
  /** Fields that cannot be read without an avoided length. */
  postponed: Field[];
}

/** Cheapest blocks that cover the fields; each has one function code. */
export function planReads(fields: readonly Field[], options: PlanOptions): Plan {
  const codes = [...new Set(fields.map(({ functionCode }) => functionCode))].sort();
  const plans = codes.map((code) =>
    planSpace(
      fields.filter(({ functionCode }) => functionCode === code),
      options,
    ),
  );
  return {
    blocks: separateEqualLengths(plans.flatMap(({ blocks }) => blocks)),
    postponed: plans.flatMap(({ postponed }) => postponed),
  };
}

/** Fields of one space: dynamic programming over them in address order. */
function planSpace(fields: readonly Field[], options: PlanOptions): Plan {
  const sorted = [...fields].sort((a, b) => a.address - b.address);
  const most = Math.min(options.maxBlock ?? MAX_REGISTERS, MAX_REGISTERS);
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
      if (block.count > most && block.fields.length > 1) break;
      if (options.avoid?.(block)) continue;
      if (block.fields.length > 1 && options.allowed?.(block) === false) continue;
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
  return { blocks, postponed };
}

/** Do the answers to both look alike? RTU replies carry no register address, only function and length. */
export const looksLike = (a: Range, b: Range): boolean => a.functionCode === b.functionCode && a.count === b.count;

/**
 * Blocks whose answers look alike are kept apart, where the number of lengths allows it; a doubled reply then never fits
 * the request after it.
 */
function separateEqualLengths(blocks: readonly Block[]): Block[] {
  const left = [...blocks];
  const ordered: Block[] = [];
  while (left.length > 0) {
    const previous = ordered.at(-1);
    const frequency = (block: Block) => left.filter((other) => looksLike(other, block)).length;
    const candidates = left.filter((block) => !previous || !looksLike(block, previous));
    const next = (candidates.length > 0 ? candidates : left).reduce((a, b) => (frequency(b) > frequency(a) ? b : a));
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
