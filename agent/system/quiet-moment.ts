/** When most meters have been read and the next second is far. */
const WITHIN_SECOND_MS = 600;

/** A pause of about so long, to where a second is quiet; what takes some milliseconds at once then disturbs no sample. */
export function untilQuiet(ms: number, nowMs = Date.now()): number {
  return ms + ((WITHIN_SECOND_MS + 1000 - ((nowMs + ms) % 1000)) % 1000);
}
