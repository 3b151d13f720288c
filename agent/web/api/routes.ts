import type { Route } from '../http/router.ts';

type Loaded = { answer: Route['answer'] };

/** What an answer needs is loaded with the first request. */
const lazy =
  (load: () => Promise<Loaded>): Route['answer'] =>
  async (asked, place) =>
    (await load()).answer(asked, place);

const latest = lazy(() => import('./latest.ts'));

/** What meters have read, as data. */
export const API_ROUTES: readonly Route[] = [
  { path: '/api/v1/openapi.json', answer: lazy(() => import('./openapi.ts')) },
  { path: '/api/v1/meters', answer: lazy(() => import('./meters.ts')) },
  { path: '/api/v1/latest', answer: latest },
  { path: '/measurements/latest', answer: latest },
  { path: '/measurements/{meter}/latest', answer: lazy(() => import('./measurements.ts')) },
  { path: '/api/v1/series', answer: lazy(() => import('./series.ts')) },
  { path: '/api/v1/energy', answer: lazy(() => import('./energy.ts')) },
  { path: '/api/v1/load', answer: lazy(() => import('./load.ts')) },
  { path: '/api/v1/gaps', answer: lazy(() => import('./gaps.ts')) },
];
