/** Is it what streams, pauses and requests throw when a signal ends them? */
export function isStop(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
