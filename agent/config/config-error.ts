import { AgentError } from '../system/errors.ts';

/** One mistake: where, what stands there, and what to write instead. */
export interface ConfigProblem {
  /** Like `meters[0].connection.baudRate`; empty for the file as a whole. */
  path: string;
  /** Line in the file, from 1. */
  line: number | undefined;
  message: string;
}

/** All mistakes of a configuration at once. */
export class ConfigError extends AgentError {
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ path, line, message }) =>
        `  ${line === undefined ? '' : `line ${line}: `}${path === '' ? '' : `${path}: `}${message}`,
    );
    const count = problems.length === 1 ? '1 mistake' : `${problems.length} mistakes`;
    super('config', [`${file} has ${count}:`, ...lines].join('\n'), {
      hint: 'an example with every key is printed by: energy-monitor config example',
    });
    this.problems = problems;
  }
}
