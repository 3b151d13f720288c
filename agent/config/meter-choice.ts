import { AgentError } from '../system/errors.ts';
import type { Config, MeterConfig } from './schema.ts';
import { meantOr } from './suggestion.ts';

/**
 * The meter that a person means.
 * @param name undefined: the only one there is
 * @throws AgentError that names those there are
 */
export function chooseMeter({ meters }: Config, name: string | undefined): MeterConfig {
  const names = meters.map((meter) => meter.name);
  const found =
    name === undefined ? meters.slice(0, meters.length === 1 ? 1 : 0) : meters.filter((one) => one.name === name);
  if (found[0]) return found[0];
  if (name === undefined) {
    throw new AgentError('usage', 'the configuration has several meters', { hint: `name one of ${names.join(', ')}` });
  }
  const hint = meantOr(`there are ${names.join(', ')}; or name a port with --port and its --model`, name, names);
  throw new AgentError('usage', `there is no meter ${name} in the configuration`, { hint });
}
