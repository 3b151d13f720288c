import { findModel } from '../meters/catalogue.ts';
import type { MeterModel } from '../meters/model.ts';
import { AgentError } from '../system/errors.ts';
import type { MeterConfig } from './schema.ts';

/** The model of a meter in a configuration that was checked. */
export function meterModel({ model, table }: MeterConfig): MeterModel {
  const found = table ?? findModel(model);
  if (found) return found;
  throw new AgentError('internal', `model ${model} passed the schema and is neither in the catalogue nor a table`);
}
