import { AgentError } from '../system/errors.ts';
import type { Source } from './source.ts';

/** Where a record is, for messages. */
export function placeOf(source: Source, line: number | undefined): string {
  return line === undefined ? source.name : `${source.name}:${line}`;
}

/** An AgentError with its place before its message; anything else as it is. */
export function locatedError(error: unknown, source: Source, line: number | undefined): unknown {
  if (!(error instanceof AgentError)) return error;
  const { code, message, hint, cause } = error;
  return new AgentError(code, `${placeOf(source, line)}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}
