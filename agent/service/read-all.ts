import { decodeField } from '../meters/codec.ts';
import type { Field } from '../meters/model.ts';
import { type Block, halve, planReads } from '../meters/planner.ts';
import { interFrameMs, readWireMs, type Wire } from '../modbus/connection.ts';
import { messageOf } from '../system/errors.ts';
import { RegisterRefused, type Session } from './session.ts';

/** A register of the table as the meter has it now, or why it is not known. */
export interface RegisterValue {
  field: Field;
  /** As hex, four digits a register. */
  words?: string[];
  value?: number;
  problem?: string;
}

/** Unknown turnaround of a meter, for weighing one more request against a few more registers. */
const TURNAROUND_MS = 20;

/**
 * Reads all registers of the model's table, in address order.
 * @throws AgentError when the meter does not answer at all
 */
export async function readAll(session: Session, wire: Wire): Promise<RegisterValue[]> {
  const { fields, maxBlock, pauseMs, unassigned } = session.target.model;
  const cost = (count: number) => readWireMs(wire, count) + 2 * interFrameMs(wire) + Math.max(TURNAROUND_MS, pauseMs);
  const { blocks } = planReads(fields, { cost, maxBlock });
  const values: RegisterValue[] = [];
  for (const block of blocks) values.push(...(await readBlock(session, block, unassigned)));
  return values.sort((a, b) => a.field.functionCode - b.field.functionCode || a.field.address - b.field.address);
}

/** What a meter refuses as a whole is read in parts, so that one register that it lacks costs no other. */
async function readBlock(session: Session, block: Block, unassigned: readonly number[]): Promise<RegisterValue[]> {
  const { functionCode, address, count, fields } = block;
  try {
    const registers = await session.read(address, count, functionCode);
    return fields.map((field) => shownValue(field, registers.subarray((field.address - address) * 2)));
  } catch (error) {
    if (!(error instanceof RegisterRefused)) throw error;
    const parts = halve(block, unassigned);
    if (!parts) return fields.map((field) => ({ field, problem: messageOf(error) }));
    return [...(await readBlock(session, parts[0], unassigned)), ...(await readBlock(session, parts[1], unassigned))];
  }
}

function shownValue(field: Field, registers: Buffer): RegisterValue {
  const words = Array.from({ length: field.words }, (_, i) =>
    registers
      .readUInt16BE(i * 2)
      .toString(16)
      .toUpperCase()
      .padStart(4, '0'),
  );
  const value = decodeField(field, registers, field.address);
  if (Number.isFinite(value)) return { field, words, value };
  return { field, words, problem: 'no number' };
}
