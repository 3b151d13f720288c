import { resolutionAt } from '../meters/codec.ts';
import type { MeterModel } from '../meters/model.ts';
import type { Values } from '../readings/reading.ts';
import type { Problem } from './check.ts';
import { type Counted, CounterCheck } from './counter-check.ts';
import { type NamedCheck, relationsOf } from './power-check.ts';
import { rangeCheck } from './range-check.ts';

/** What the guard makes of a sample that stayed suspicious when it was read again. */
export interface Suspicion {
  /** Counters of the meter that was there before, when this sample proves that another one is counting now. */
  replaced?: Values;
  /** Checks that the guard has stopped believing in, with this sample. */
  suspended: string[];
}

/** Persisted: a check that a meter never passes would cost its first minute again at each start. */
export interface GuardState {
  suspended: string[];
}

/**
 * A relation that a meter breaks this often is not noise: the meter computes it differently under some loads (distortion
 * power, for example). The check is then left out, until it has held for an hour.
 */
const FAILURES_TO_SUSPEND = 30;
/** What a sample that holds takes from the count: a load that is odd for 20 s in each minute adds up all the same. */
const FORGIVEN_BY_A_PASS = 0.05;
const PASSES_TO_TRUST = 3600;

interface Relation extends NamedCheck {
  failures: number;
  passes: number;
  suspended: boolean;
}

/** Plausibility of samples: ranges and counters always, relations between powers as long as this meter obeys them. */
export class Guard {
  readonly #range: (values: Values) => Problem[];
  readonly #relations: Relation[];
  readonly #counters: CounterCheck;

  /** @param last the latest stored readings, oldest first; together they have each counter */
  constructor(model: MeterModel, last: readonly Counted[] = [], state?: GuardState) {
    this.#range = rangeCheck(model);
    const fields = new Map<string, MeterModel['fields'][number]>(model.fields.map((field) => [field.quantity, field]));
    const stepOf = (quantity: string, value: number) => {
      const field = fields.get(quantity);
      return field ? resolutionAt(field, value) : 0;
    };
    this.#counters = new CounterCheck(model.maxPowerVA, stepOf, last);
    this.#relations = relationsOf(model).map(({ name, check }) => ({
      name,
      check,
      failures: 0,
      passes: 0,
      suspended: state?.suspended.includes(name) ?? false,
    }));
  }

  /** The clock is in doubt: how long ago the last stored sample was read is not known. */
  doubtTime(): void {
    this.#counters.doubtTime();
  }

  /**
   * What speaks against this sample; nothing: accept it.
   * @param timeMs in all calls by one clock that nobody sets
   */
  judge(values: Values, timeMs: number): Problem[] {
    const relations = this.#relations
      .filter((relation) => !relation.suspended)
      .flatMap(({ check }) => check(values) ?? []);
    return [...this.#range(values), ...relations, ...this.#counters.judge(values, timeMs)];
  }

  /** The sample goes into the journal. */
  accept(values: Values, timeMs: number): void {
    this.#counters.accept(values, timeMs);
    for (const relation of this.#relations) {
      const problems = relation.check(values);
      if (problems === undefined) continue;
      relation.failures = Math.max(0, relation.failures - FORGIVEN_BY_A_PASS);
      relation.passes = problems.length === 0 ? relation.passes + 1 : 0;
      if (!relation.suspended || relation.passes < PASSES_TO_TRUST) continue;
      relation.suspended = false;
      relation.failures = 0;
    }
  }

  /** The sample stayed suspicious when it was read again: its second is a gap. */
  suspect(values: Values, timeMs: number): Suspicion {
    const suspended: string[] = [];
    for (const relation of this.#relations) {
      if ((relation.check(values) ?? []).length === 0) continue;
      relation.failures++;
      relation.passes = 0;
      if (relation.suspended || relation.failures < FAILURES_TO_SUSPEND) continue;
      relation.suspended = true;
      suspended.push(relation.name);
    }
    if (this.#counters.judge(values, timeMs).length === 0) return { suspended };
    if (this.#range(values).length > 0) return { suspended };
    const replaced = this.#counters.suspect(values, timeMs);
    return replaced ? { suspended, replaced } : { suspended };
  }

  state(): GuardState {
    return { suspended: this.#relations.filter((relation) => relation.suspended).map((relation) => relation.name) };
  }
}
