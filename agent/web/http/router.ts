import type { Place } from '../place.ts';
import type { Answer } from './answer.ts';
import type { Query } from './query.ts';

/** What is asked for: parameters of the path, then those behind the question mark. */
export interface Asked {
  query: Query;
  params: Readonly<Record<string, string>>;
  /** `Accept` of the request, '' without one. */
  accept: string;
}

/** One path. What it needs is loaded with its first request: a page that nobody looks at takes no memory. */
export interface Route {
  /** `/api/v1/measurements/{meter}/latest` */
  path: string;
  /** Anybody who reaches the address may ask, also where there is a password. */
  isOpen?: boolean;
  answer(asked: Asked, place: Place): Answer | Promise<Answer>;
}

interface Compiled {
  route: Route;
  pattern: RegExp;
}

/** Finds the route of a path. */
export class Router {
  readonly #routes: readonly Compiled[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({
      route,
      pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
    }));
  }

  /** @param path as it was asked for, escaped. @returns undefined where there is none, or where its parameters are no text */
  find(path: string): { route: Route; params: Record<string, string> } | undefined {
    for (const { route, pattern } of this.#routes) {
      const match = pattern.exec(path);
      if (!match) continue;
      try {
        const entries = Object.entries(match.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)]);
        return { route, params: Object.fromEntries(entries) as Record<string, string> };
      } catch {
        return undefined;
      }
    }
    return undefined;
  }
}
