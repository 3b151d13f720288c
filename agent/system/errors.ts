/**
 * Every kind of failure the agent knows, with the exit code it ends a command with (sysexits.h numbering, so that scripts
 * and systemd can tell a mistake in the configuration from a missing adapter).
 */
export const EXIT_CODES = {
  internal: 70,
  usage: 64,
  config: 78,
  locked: 75,
  unavailable: 69,
  permission: 77,
  storage: 74,
  /** A meter refused what was written to it. */
  refused: 76,
  /** A meter confirmed what was written to it, and has not taken it over. */
  ignored: 73,
  /** A part of what belongs together was written to a meter. */
  partial: 79,
  /** Of `status`, as checks of Nagios read it (monitoring-plugins.org, guidelines): something needs a person. */
  warning: 1,
  /** The same, and readings are lost as long as it lasts. */
  critical: 2,
} as const;

/** `warning` and `critical` are no failures of a command. */
export type ErrorCode = Exclude<keyof typeof EXIT_CODES, 'warning' | 'critical'>;

export interface AgentErrorOptions {
  /** True when trying again later, unchanged, can succeed. */
  retryable?: boolean;
  /** What the person can do about it, one sentence. */
  hint?: string;
  cause?: unknown;
}

/** The one error base: a sentence for a person, a code, whether a retry can help, and what to do. */
export class AgentError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: AgentErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.hint = options.hint;
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** The message of anything thrown, without a stack. modbus-serial throws objects that are no Error (TransactionTimedOutError). */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message);
  return String(thrown);
}

/** The system error code (ENOENT ...) of a thrown value, if it carries one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown.code;
  }
  return undefined;
}
