import { text } from '../http/answer.ts';
import type { Route } from '../http/router.ts';

/** What Prometheus, VictoriaMetrics and their like scrape. */
export const METRICS_ROUTES: readonly Route[] = [
  {
    path: '/metrics',
    async answer({ query, accept }, place) {
      query.end();
      const { CONTENT_TYPES, formatFor } = await import('./exposition.ts');
      const { metricsText } = await import('./metrics.ts');
      const format = formatFor(accept);
      return text(metricsText(place, format), 200, CONTENT_TYPES[format]);
    },
  },
];
