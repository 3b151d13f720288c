import { createHash } from 'node:crypto';

/** What is sent for a request, apart from what HTTP adds. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array | string;
}

/** Of a past that does not change any more: a copy serves as long as its tag does. */
export const REVALIDATED = 'private, no-cache';

/** @param more `isPast`: no reading comes to it any more, in all likelihood */
export function json(value: object, { isPast = false, status = 200 } = {}): Answer {
  const body = `${JSON.stringify(value)}\n`;
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
  if (isPast) {
    headers.etag = etagOf(body);
    headers['cache-control'] = REVALIDATED;
  } else headers['cache-control'] = 'no-store';
  return { status, headers, body };
}

export const text = (body: string, status = 200, type = 'text/plain; charset=utf-8'): Answer => ({
  status,
  headers: { 'content-type': type, 'cache-control': 'no-store' },
  body,
});

export function etagOf(body: Uint8Array | string): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}
