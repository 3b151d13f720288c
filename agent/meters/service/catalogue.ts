import type { MODEL_NAMES } from '../model-names.ts';
import { SERVICE_SDM } from './eastron.ts';
import { SERVICE_504, SERVICE_514, SERVICE_515, SERVICE_516, SERVICE_517, SERVICE_525, SERVICE_526 } from './orno.ts';
import type { ServiceTables } from './tables.ts';

const TABLES: Readonly<Record<(typeof MODEL_NAMES)[number], ServiceTables>> = {
  'we-504': SERVICE_504,
  'we-514': SERVICE_514,
  'we-515': SERVICE_515,
  'we-516': SERVICE_516,
  'we-517': SERVICE_517,
  'we-525': SERVICE_525,
  'we-526': SERVICE_526,
  sdm120: SERVICE_SDM,
  sdm230: SERVICE_SDM,
  sdm630: SERVICE_SDM,
};

/** What is known of a model beside its measurements; nothing of a register table by the user. */
export function serviceTables(model: string): ServiceTables {
  return Object.hasOwn(TABLES, model) ? TABLES[model as keyof typeof TABLES] : {};
}

/** Models for which the tables have something, for messages. */
export function modelsWith(key: keyof ServiceTables): string[] {
  return Object.entries(TABLES).flatMap(([name, tables]) => (tables[key] === undefined ? [] : [name]));
}
