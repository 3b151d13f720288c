import type { Outcome } from '../backup/outcome.ts';
import type { Facts } from './facts.ts';
import { age } from './words.ts';

/** One line a store. */
export function backupLines({ expected, backups, nowMs }: Facts): string[] {
  const stores = [...new Set([...(expected?.stores ?? []), ...Object.keys(backups)])];
  if (stores.length === 0) return expected ? ['backup      none configured'] : [];
  return stores.map((store) => `backup      ${store}: ${storeText(backups[store], nowMs)}`);
}

function storeText(outcome: Outcome | undefined, nowMs: number): string {
  const { good, verified, drilled, expiresMs } = outcome ?? {};
  const parts = [good ? `backup ${good.sequence} is ${age(nowMs - good.madeMs)} old` : 'no whole backup yet'];
  if (verified) {
    const found = verified.problems === 0 ? 'found whole' : `${verified.problems} problems found`;
    parts.push(`${found} ${age(nowMs - verified.madeMs)} ago`);
  }
  if (drilled) parts.push(`${drilledText(drilled)} ${age(nowMs - drilled.madeMs)} ago`);
  if (expiresMs !== undefined && expiresMs > nowMs) parts.push(`its credential ends in ${age(expiresMs - nowMs)}`);
  return parts.join(', ');
}

function drilledText(drilled: NonNullable<Outcome['drilled']>): string {
  if ('failed' in drilled) return 'a drill failed';
  const { sequence, problems } = drilled;
  return problems === 0
    ? `${sequence} restored on trial`
    : `${problems} problems when ${sequence} was restored on trial`;
}
