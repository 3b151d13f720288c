import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import { plainStateDir } from '../config/state-dir.ts';
import { configuredBy } from './configured.ts';
import type { Asked } from './gather.ts';

/**
 * What is to be told of. A configuration with mistakes is one more thing to tell, as long as it says where the journal is: the
 * collector goes on with the one that it has read.
 * @param options `stateDir`: alone, whatever a configuration says
 * @throws AgentError when neither says where the journal is
 */
export function askedBy({ config: file, stateDir }: { config: string; stateDir?: string }): Omit<Asked, 'version'> {
  if (stateDir !== undefined) return { stateDir };
  try {
    const config = loadConfig(file);
    return { stateDir: config.stateDir, configured: configuredBy(config, file) };
  } catch (error) {
    const place = error instanceof ConfigError ? plainStateDir(file) : undefined;
    if (!(error instanceof ConfigError) || place === undefined) throw error;
    return { stateDir: place, configProblem: { message: error.message, hint: error.hint } };
  }
}
