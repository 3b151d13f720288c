import { dirname } from 'node:path';
import { readNamedFile } from '../system/named-file.ts';
import { findClashes } from './clashes.ts';
import { ConfigError } from './config-error.ts';
import { YamlDocument } from './document.ts';
import { completeMeter } from './meter-defaults.ts';
import { Models } from './models.ts';
import { type Config, configSchema, knownKeysAt } from './schema.ts';

/** Reads and checks a configuration file. @throws ConfigError with every mistake; AgentError when it cannot be read */
export function loadConfig(file: string): Config {
  return parseConfig(readConfig(file), file);
}

/** @throws AgentError when it cannot be read */
export function readConfig(file: string): string {
  return readNamedFile(file, 'configuration', 'begin with: energy-monitor config example > FILE');
}

/**
 * @param file name for messages; register tables are looked for beside it
 * @param options `tables: 'skip'` where they are not at hand: meters that have one then lack it
 * @throws ConfigError with every mistake, also of the tables
 */
export function parseConfig(text: string, file: string, options: { tables?: 'read' | 'skip' } = {}): Config {
  const document = new YamlDocument(text);
  if (document.problems.length > 0) throw new ConfigError(file, document.problems);
  const result = configSchema.safeParse(document.content);
  const models = new Models(dirname(file), options.tables !== 'skip');
  const problems = document.described(result.error?.issues ?? [], knownKeysAt);
  for (const { path, message } of findClashes(document.content, models)) problems.push(document.problem(path, message));
  if (result.data === undefined || problems.length + models.mistaken.length > 0) {
    throw new ConfigError(file, problems, models.mistaken);
  }
  return { ...result.data, meters: result.data.meters.map((meter) => completeMeter(meter, models)) };
}
