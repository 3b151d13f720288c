import { DAY_MS } from '../../history/levels.ts';
import type { Period } from '../../history/periods.ts';
import { badParameter } from '../http/problem.ts';

/** @throws Problem 400 for a longer span */
export function longest({ fromMs, toMs }: Period, days: number): void {
  if (toMs - fromMs > days * DAY_MS) throw badParameter('from', `ask for at most ${days} days at once`);
}
