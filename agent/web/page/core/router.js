// @ts-check

export const VIEWS = /** @type {const} */ (['now', 'day', 'history', 'health']);
/** @typedef {typeof VIEWS[number]} ViewName */

/** @typedef {{view: ViewName, query: Record<string, string>}} Place */

/** Where the page is, as its address says: `#/day?date=2026-10-25`. @returns {Place} */
export function place() {
  const [, path = '', search = ''] = /^#\/([^?]*)\??(.*)$/.exec(location.hash) ?? [];
  const view = VIEWS.find((name) => name === path) ?? 'now';
  return { view, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** @param {ViewName} view @param {Record<string, string | undefined>} [query] */
export function linkTo(view, query = {}) {
  const given = /** @type {[string, string][]} */ (Object.entries(query).filter(([, value]) => value !== undefined));
  const search = new URLSearchParams(given).toString();
  return `#/${view}${search === '' ? '' : `?${search}`}`;
}

/** @param {ViewName} view @param {Record<string, string | undefined>} [query] */
export function go(view, query) {
  location.hash = linkTo(view, query);
}
