import { AgentError } from '../system/errors.ts';

/** One mistake: where, what stands there, and what to write instead. */
export interface ConfigProblem {
  /** Like `meters[0].connection.baudRate`; empty for the file as a whole. */
  path: string;
  /** Line in the file, from 1. */
  line: number | undefined;
  message: string;
}

/** A file with its mistakes. */
export interface FileProblems {
  file: string;
  problems: readonly ConfigProblem[];
}

const CONFIG_HINT = 'an example with every key is printed by: energy-monitor config example';

/** All mistakes of a configuration at once, and of the register tables that it names. */
export class ConfigError extends AgentError {
  /** Of the first file. */
  readonly problems: readonly ConfigProblem[];

  constructor(
    file: string,
    problems: readonly ConfigProblem[],
    others: readonly FileProblems[] = [],
    hint = CONFIG_HINT,
  ) {
    const files = [{ file, problems }, ...others].filter((one) => one.problems.length > 0);
    super('config', files.map(fileText).join('\n'), { hint });
    this.problems = problems;
  }
}

function fileText({ file, problems }: FileProblems): string {
  const lines = problems.map(
    ({ path, line, message }) =>
      `  ${line === undefined ? '' : `line ${line}: `}${path === '' ? '' : `${path}: `}${message}`,
  );
  const count = problems.length === 1 ? '1 mistake' : `${problems.length} mistakes`;
  return [`${file} has ${count}:`, ...lines].join('\n');
}
