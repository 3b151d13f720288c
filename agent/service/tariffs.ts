import type { Entry } from '../meters/service/bytes.ts';
import { modelsWith } from '../meters/service/catalogue.ts';
import { decodePart, encodePart, type HeldPart } from '../meters/service/schedule.ts';
import { type Digits, partWords, type TariffPart } from '../meters/service/tables.ts';
import { AgentError } from '../system/errors.ts';
import type { Session } from './session.ts';
import type { Target } from './target.ts';

/** @throws AgentError when the model has no schedule whose registers are known */
export function tariffParts({ tables, model }: Target): readonly TariffPart[] {
  if (tables.tariffs) return tables.tariffs;
  throw new AgentError('usage', `no tariff schedule is known of a ${model.name}`, {
    hint: `those with one are ${modelsWith('tariffs').join(', ')}`,
  });
}

export async function readPart(session: Session, part: TariffPart, said?: Digits): Promise<HeldPart> {
  return decodePart(part, await session.read(part.address, partWords(part)), said);
}

/** @throws AgentError when a part cannot be read */
export async function readTariffs(session: Session, parts: readonly TariffPart[], said?: Digits): Promise<HeldPart[]> {
  const held: HeldPart[] = [];
  for (const part of parts) held.push(await readPart(session, part, said));
  return held;
}

/** A part that is to hold something else. */
export interface PartChange {
  before: HeldPart;
  /** What it is to hold; undefined in `before` where that was not understood. */
  entries: readonly Entry[];
  registers: Buffer;
}

/**
 * What has to be written, in the order in which it is: days before the dates that refer to them.
 * @throws AgentError for a part that is only read, and where nobody says how dates are written
 */
export function changesOf(held: readonly HeldPart[], wanted: ReadonlyMap<string, readonly Entry[]>): PartChange[] {
  return held.flatMap((before): PartChange[] => {
    const { part } = before;
    const entries = wanted.get(part.key);
    if (!entries) return [];
    const registers = encodePart(part, before.digits ?? 'binary', entries);
    if (before.entries && isSame(part, before.entries, entries)) return [];
    if (part.readOnly !== undefined) {
      throw new AgentError('usage', `${part.key} is only read: ${part.readOnly}`, {
        hint: `write it as the meter has it, or leave it out`,
      });
    }
    if (before.digits === undefined && !registers.equals(encodePart(part, 'bcd', entries))) {
      throw new AgentError('usage', `in which way this meter writes the dates of ${part.key} is not known`, {
        hint: 'say --dates binary or --dates bcd; a holiday at or after the 10th that was entered with the maker’s program tells which',
      });
    }
    return [{ before, entries, registers }];
  });
}

function isSame(part: TariffPart, a: readonly Entry[], b: readonly Entry[]): boolean {
  return encodePart(part, 'binary', a).equals(encodePart(part, 'binary', b));
}
