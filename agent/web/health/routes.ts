import { text } from '../http/answer.ts';
import type { Route } from '../http/router.ts';
import { unreadyReasons } from './readiness.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** How everything is, for a person's page and for what watches over services. */
export const HEALTH_ROUTES: readonly Route[] = [
  { path: '/healthz', isOpen: true, answer: () => text('ok\n') },
  {
    path: '/readyz',
    isOpen: true,
    answer({ query }, place) {
      query.end();
      const reasons = unreadyReasons(place);
      return reasons.length === 0 ? text('ready\n') : text(`${reasons.join('\n')}\n`, 503);
    },
  },
  {
    path: '/api/v1/health',
    async answer({ query }, place) {
      query.end();
      const { healthOf } = await import('./health.ts');
      return text(await healthOf(place), 200, JSON_TYPE);
    },
  },
];
