// @ts-check
import { t } from './messages.js';

const LONGEST_MS = 20_000;

/** Why the server gave no answer, in a sentence for a person. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status 0: there was no answer at all */
  constructor(message, status) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** The clock of the server minus that of the browser, which may be set to anything. */
let aheadMs = 0;

export const serverNow = () => Date.now() + aheadMs;

/** Told when a password is wanted. */
export const door = new EventTarget();

/**
 * @param {string} path below /api/v1
 * @param {Record<string, string | number | undefined>} [query]
 * @param {{signal?: AbortSignal | undefined}} [options]
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function get(path, query = {}, { signal } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  const url = `/api/v1/${path}${search === '' ? '' : `?${search}`}`;
  return await send(url, { signal: anyOf(signal) });
}

/** @returns {Promise<{admitted: boolean, restricted: boolean}>} */
export const session = () => get('session');

/** @param {string} password @throws {ApiError} */
export async function signIn(password) {
  await send('/api/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ password }),
  });
}

export const signOut = () => send('/api/v1/session', { method: 'DELETE' });

/** @param {string} url @param {RequestInit} options */
async function send(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted && error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(t('error.unreachable'), 0);
  }
  learnTime(response.headers.get('date'));
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
  const body = isJson ? await response.json().catch(() => undefined) : undefined;
  if (response.ok && body !== undefined) return body;
  if (response.status === 401 && options.method !== 'POST') door.dispatchEvent(new Event('closed'));
  throw new ApiError(sentence(body?.detail ?? t('error.status', { status: response.status })), response.status);
}

/** @param {string | null} date of the response, in whole seconds */
function learnTime(date) {
  const toldMs = Date.parse(date ?? '');
  if (Number.isNaN(toldMs)) return;
  const differenceMs = toldMs + 500 - Date.now();
  // Less is the rounding of the header.
  aheadMs = Math.abs(differenceMs) < 1500 ? 0 : differenceMs;
}

/** @param {AbortSignal | undefined} signal */
function anyOf(signal) {
  const late = AbortSignal.timeout(LONGEST_MS);
  return signal ? AbortSignal.any([signal, late]) : late;
}

/** @param {string} text */
const sentence = (text) => {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
};

/** @param {unknown} error */
export const isAborted = (error) => error instanceof DOMException && error.name === 'AbortError';

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
