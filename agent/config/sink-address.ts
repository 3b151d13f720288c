import type { SinkConfig } from './schema.ts';
import { readAuthorityFile, readSecretFile } from './secrets.ts';

/**
 * How a server of the configuration is reached.
 * @param tokenFile of another token than its own
 * @throws AgentError when a file that the configuration names cannot be read
 */
export function sinkAddress({ url, token, tokenFile, caFile }: SinkConfig, other?: string) {
  const own = () => token ?? (tokenFile === undefined ? undefined : readSecretFile(tokenFile));
  return {
    url,
    token: other === undefined ? own() : readSecretFile(other),
    ca: caFile === undefined ? undefined : readAuthorityFile(caFile),
  };
}
