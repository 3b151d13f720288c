/**
 * What can go wrong with a write. refuse: an exception, and nothing is done. ignore: confirmed, and nothing is done. half: a
 * half of the registers is written, and confirmed. lose-request: no answer, nothing done. lose-reply: done, without an answer.
 * late-reply: done, confirmed after a second. garble-reply: done, and the confirmation is damaged. refuse-done: done, and
 * refused with `device failure`, as a WE-514 does. unplug: the line is gone from then on, and nothing is done.
 */
export const WRITE_FAULTS = [
  'refuse',
  'ignore',
  'half',
  'lose-request',
  'lose-reply',
  'late-reply',
  'garble-reply',
  'refuse-done',
  'unplug',
] as const;

export type WriteFault = (typeof WRITE_FAULTS)[number];

/** Which write it strikes: the first is 1; undefined: each. */
export interface PlannedFault {
  fault: WriteFault;
  at?: number;
}

/** What becomes of one write at the meter's side of the line. */
export interface WriteEffect {
  /** Share of the registers that are written. */
  share: 0 | 0.5 | 1;
  exception?: 1 | 2 | 3 | 4;
  answer: 'at once' | 'late' | 'garbled' | 'never';
  unplug?: true;
}

const PLAIN: WriteEffect = { share: 1, answer: 'at once' };

const EFFECTS: Readonly<Record<WriteFault, WriteEffect>> = {
  refuse: { share: 0, exception: 4, answer: 'at once' },
  ignore: { share: 0, answer: 'at once' },
  half: { share: 0.5, answer: 'at once' },
  'lose-request': { share: 0, answer: 'never' },
  'lose-reply': { share: 1, answer: 'never' },
  'late-reply': { share: 1, answer: 'late' },
  'garble-reply': { share: 1, answer: 'garbled' },
  'refuse-done': { share: 1, exception: 4, answer: 'at once' },
  unplug: { share: 0, answer: 'never', unplug: true },
};

/** @param nth of the write, from 1 */
export function effectOf(planned: readonly PlannedFault[], nth: number): WriteEffect {
  const struck = planned.find(({ at }) => at === undefined || at === nth);
  return struck ? EFFECTS[struck.fault] : PLAIN;
}
