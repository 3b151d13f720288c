import { decodeField } from '../meters/codec.ts';
import { type Clue, clueHolds, clueWords } from '../meters/identify.ts';
import type { Field, MeterModel } from '../meters/model.ts';
import type { TerminalSettings } from '../system/termios.ts';
import type { Line, Question } from './line.ts';

/** Which models what answers can be, the likeliest first. */
export interface Recognised {
  /** Empty: none that is known. */
  candidates: readonly MeterModel[];
  /** Nothing else fits. */
  isCertain: boolean;
  /** Why the first is first, for a person. */
  because: string;
}

/**
 * For an answer, try by try. A WE-516 under load takes 600 ms; what came later than that would be taken for the answer to
 * the next question of its length.
 */
const WAITS_MS = [800, 800, 1200];
/** Who is silent that often does not have the register: some meters keep silent instead of refusing. */
const SILENT_TRIES = 2;
const PAUSE_MS = 60;
/** A phase that is connected has more volts. */
const LEAST_PHASE_V = 60;
const DECIDES = 2;
const SAYS_NOTHING = 1;
const SPEAKS_AGAINST = 0;

/** Asks a meter that answers for what its models hold, each register once. */
export class Recognition {
  readonly #line: Line;
  readonly #unit: number;
  readonly #settings: TerminalSettings;
  readonly #answers = new Map<string, Buffer | undefined>();

  constructor(line: Line, unit: number, settings: TerminalSettings) {
    this.#line = line;
    this.#unit = unit;
    this.#settings = settings;
  }

  /** @throws AgentError when the line is gone */
  async among(models: readonly MeterModel[]): Promise<Recognised> {
    const fitting: { model: MeterModel; weight: number }[] = [];
    for (const model of this.#factoryFirst(models)) {
      // Two registers that fit are no chance: only what shares them can be meant besides.
      if (fitting.some((other) => !isAlike(other.model, model))) continue;
      const weight = await this.#weightOf(model);
      if (weight !== undefined) fitting.push({ model, weight });
    }
    if (fitting.length === 0) return { candidates: [], isCertain: false, because: 'its registers fit no model' };
    const best = Math.max(...fitting.map(({ weight }) => weight));
    const byWeight = [...fitting].sort((a, b) => b.weight - a.weight);
    const candidates = byWeight.map(({ model }) => model);
    const equals = byWeight.filter(({ weight }) => weight === best).map(({ model }) => model);
    if (best === DECIDES && equals.length === 1) {
      return { candidates, isCertain: true, because: 'its number of the model says so' };
    }
    return this.#amongAlike(equals, candidates);
  }

  /** Models that share what identifies them differ in what they measure. */
  async #amongAlike(alike: readonly MeterModel[], all: readonly MeterModel[]): Promise<Recognised> {
    const threePhases = all.find(({ phases }) => phases === 3);
    if (threePhases && all.some(({ phases }) => phases === 1) && (await this.#hasSecondPhase(threePhases))) {
      return { candidates: withFirst(all, threePhases), isCertain: false, because: 'a second phase has voltage' };
    }
    const [first] = alike;
    if (!first || alike.length === 1) {
      return {
        candidates: all,
        isCertain: all.length === 1,
        because: 'its settings and measurements are where this model has them',
      };
    }
    const richest = [...alike].sort((a, b) => b.fields.length - a.fields.length)[0] ?? first;
    const more = tariffsBeyond(richest, alike);
    if (more.length > 0) {
      const counts = await this.#anyCounts(more);
      const poorer = alike.find((model) => model !== richest) ?? first;
      return counts
        ? {
            candidates: withFirst(all, richest),
            isCertain: all.length === alike.length,
            because: 'its tariffs have counted',
          }
        : { candidates: withFirst(all, poorer), isCertain: false, because: 'no tariff has counted' };
    }
    return { candidates: all, isCertain: false, because: 'nothing tells these models apart' };
  }

  /** @returns undefined where a clue that has to hold does not */
  async #weightOf({ identify }: MeterModel): Promise<number | undefined> {
    if (identify.length === 0) return undefined;
    let weight = SAYS_NOTHING;
    for (const clue of [...identify].sort((a, b) => Number(a.bonus ?? false) - Number(b.bonus ?? false))) {
      const isThere = await this.#holds(clue);
      if (clue.bonus) weight = isThere ? DECIDES : SPEAKS_AGAINST;
      else if (!isThere) return undefined;
    }
    return weight;
  }

  async #holds(clue: Clue): Promise<boolean> {
    const registers = await this.#read({ ...clue, count: clueWords(clue) });
    return (
      registers !== undefined && clueHolds(clue, registers, { unit: this.#unit, baudRate: this.#settings.baudRate })
    );
  }

  async #hasSecondPhase({ fields }: MeterModel): Promise<boolean> {
    const field = fields.find(({ quantity }) => quantity === 'voltage_l2');
    return field !== undefined && (await this.#valueOf(field)) > LEAST_PHASE_V;
  }

  async #anyCounts(fields: readonly Field[]): Promise<boolean> {
    for (const field of fields) {
      const value = await this.#valueOf(field);
      if (value > 0 && value <= field.max) return true;
    }
    return false;
  }

  async #valueOf(field: Field): Promise<number> {
    const registers = await this.#read({ ...field, count: field.words });
    return registers === undefined ? Number.NaN : decodeField(field, registers, field.address);
  }

  async #read({ functionCode, address, count }: Omit<Question, 'unit'>): Promise<Buffer | undefined> {
    const key = `${functionCode}/${address}/${count}`;
    if (this.#answers.has(key)) return this.#answers.get(key);
    let silences = 0;
    for (const waitMs of WAITS_MS) {
      const heard = await this.#line.ask({ unit: this.#unit, functionCode, address, count }, waitMs, PAUSE_MS);
      if (heard.kind === 'answer' || heard.kind === 'exception') {
        this.#answers.set(key, heard.registers);
        return heard.registers;
      }
      if (heard.kind === 'silent' && ++silences >= SILENT_TRIES) break;
    }
    this.#answers.set(key, undefined);
    return undefined;
  }

  #factoryFirst(models: readonly MeterModel[]): MeterModel[] {
    return [...models].sort((a, b) => Number(this.#isFactory(b)) - Number(this.#isFactory(a)));
  }

  #isFactory({ serial }: MeterModel): boolean {
    return serial.baudRate === this.#settings.baudRate && serial.parity === this.#settings.parity;
  }
}

/** Do they hold the same at the same place? */
function isAlike({ identify: [a] }: MeterModel, { identify: [b] }: MeterModel): boolean {
  return a?.functionCode === b?.functionCode && a?.address === b?.address;
}

const withFirst = (models: readonly MeterModel[], first: MeterModel): MeterModel[] => [
  first,
  ...models.filter((model) => model !== first),
];

/** Tariff counters of a model that not all of the others have. */
function tariffsBeyond(model: MeterModel, others: readonly MeterModel[]): Field[] {
  return model.fields.filter(
    ({ quantity }) =>
      /^active_energy.*_t[1-4]$/.test(quantity) &&
      others.some((other) => other.fields.every((field) => field.quantity !== quantity)),
  );
}
