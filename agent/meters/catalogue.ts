import type { MeterModel } from './model.ts';
import { WE_514, WE_515 } from './orno.ts';

const MODELS: ReadonlyMap<string, MeterModel> = new Map([WE_514, WE_515].map((model) => [model.name, model]));

/** Names of the meters that the agent can read, as the configuration's `model` takes them. */
export const MODEL_NAMES: readonly string[] = [...MODELS.keys()];

export function findModel(name: string): MeterModel | undefined {
  return MODELS.get(name);
}
