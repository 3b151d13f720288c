import { AgentError } from '../system/errors.ts';

/**
 * A serial server that is named by hand can be one of the configuration, if there is one: then its collector reads there.
 * @param configFile of the collector of this machine
 * @param line a connector's name
 * @throws AgentError when it does
 */
export async function refuseCollectorsLine(configFile: string, line: string): Promise<void> {
  const { parseConfig, readConfig } = await import('../config/load.ts');
  const { refuseSharedLine } = await import('../collector/line-holder.ts');
  let stateDir: string;
  try {
    stateDir = parseConfig(readConfig(configFile), configFile, { tables: 'skip' }).stateDir;
  } catch (error) {
    if (error instanceof AgentError) return;
    throw error;
  }
  refuseSharedLine(stateDir, line);
}
