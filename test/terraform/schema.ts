import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HclBody, type HclValue, labelled } from './hcl-files.ts';

export interface Body {
  /** `string`, `required string`, `boolean`, `number`, `string[]`, `map`. */
  arguments: Record<string, string>;
  blocks: Record<string, Body & { required: boolean; many: boolean }>;
}

export interface Schema {
  notice: string;
  source: string;
  provider: Body;
  resources: Record<string, Body>;
}

const readSchema = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as Schema;

/** By the version of azurerm: the oldest that versions.tf allows, and one of the newest major version. */
export const SCHEMAS = { '4.73': readSchema('azurerm-schema.json'), '5.10': readSchema('azurerm-schema-5.json') };

/** What Terraform itself adds to each resource. */
const META_ARGUMENTS = ['count', 'for_each', 'depends_on', 'provider', 'lifecycle', 'provisioner', 'connection'];

/** @returns what a version of azurerm would not take of the resources and the provider's block in a file */
export function mistakesInFile(file: HclBody, schema: Schema): string[] {
  const resources = labelled(file, 'resource').flatMap(({ type, name, body }) => {
    const known = schema.resources[type];
    return known ? mistakesIn(body, known, `${type}.${name}`) : [`${type}.${name} is not in the schema`];
  });
  const providers = (file.provider as Record<string, HclBody[]> | undefined)?.azurerm ?? [];
  return [...resources, ...providers.flatMap((body) => mistakesIn(body, schema.provider, 'provider'))];
}

/** @returns what a body has that its schema has not, or lacks that it needs, each with its path */
function mistakesIn(body: HclBody, schema: Body, path: string, meta: readonly string[] = META_ARGUMENTS): string[] {
  const missing = [
    ...Object.keys(schema.arguments).filter((key) => schema.arguments[key]?.startsWith('required ')),
    ...Object.keys(schema.blocks).filter((key) => schema.blocks[key]?.required),
  ].filter((key) => !(key in body));
  const wrong = Object.entries(body)
    .filter(([key]) => !meta.includes(key))
    .flatMap(([key, value]) => mistakesOf(key, value, schema, `${path}.${key}`));
  return [...missing.map((key) => `${path}.${key} is missing`), ...wrong];
}

function mistakesOf(key: string, value: HclValue, schema: Body, path: string): string[] {
  const block = schema.blocks[key];
  if (block) {
    if (!isBlocks(value)) return [`${path} is a block, written as an argument`];
    if (value.length > 1 && !block.many) return [`${path} is there ${value.length} times`];
    return value.flatMap((one) => mistakesIn(one, block, path, []));
  }
  const type = schema.arguments[key]?.replace('required ', '');
  if (type === undefined) return [`${path} is not in the schema`];
  return fits(value, type) ? [] : [`${path} is no ${type}`];
}

/** A block comes as a list of mappings, an argument never does here. */
export function isBlocks(value: HclValue | undefined): value is HclBody[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'object' && !Array.isArray(one))
  );
}

function fits(value: HclValue, type: string): boolean {
  // What an expression gives is known to Terraform alone.
  if (typeof value === 'string' && value.startsWith('${')) return true;
  if (type.endsWith('[]')) return Array.isArray(value) && !isBlocks(value);
  if (type === 'map') return typeof value === 'object' && !Array.isArray(value);
  return typeof value === type;
}
