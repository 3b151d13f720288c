import { API_ROUTES } from './api/routes.ts';
import { HEALTH_ROUTES } from './health/routes.ts';
import type { Route } from './http/router.ts';
import { METRICS_ROUTES } from './metrics/routes.ts';

/** Every path but those of the page's files, of the session and of the stream. */
export const ROUTES: readonly Route[] = [...API_ROUTES, ...HEALTH_ROUTES, ...METRICS_ROUTES];
