import { API_ROUTES } from './api/routes.ts';
import { text } from './http/answer.ts';
import type { Route } from './http/router.ts';

/** Every path but those of the page's files, of the session and of the stream. */
export const ROUTES: readonly Route[] = [{ path: '/healthz', isOpen: true, answer: () => text('ok\n') }, ...API_ROUTES];
