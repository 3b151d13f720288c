import { join } from 'node:path';
import { Ajv, type ErrorObject, type SchemaObject } from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';
import { REPOSITORY } from '../../support/child.ts';

/** Exported types of grafana-types.ts. */
const TYPES = ['DashboardFile', 'RuleInFile', 'ReceiverInFile', 'PolicyInFile'] as const;
export type TypeName = (typeof TYPES)[number];

const generator = createGenerator({
  path: join(import.meta.dirname, 'grafana-types.ts'),
  tsconfig: join(REPOSITORY, 'tsconfig.json'),
  // `npm run check` does that.
  skipTypeCheck: true,
  jsDoc: 'basic',
  // By reference, the modules' types of one name (`Options`) would be one.
  expose: 'none',
  topRef: false,
  functions: 'fail',
});

/**
 * The JSON schemas, made anew of the SDK's types with each run, and kept nowhere. All at once, and before any test: after an error the
 * generator goes on with schemas that allow anything.
 */
export const SCHEMAS = TYPES.map((type) => [type, generator.createSchema(type)] as const);

// Objects are closed: a key that no type has is a mistake.
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
const validators = new Map(SCHEMAS.map(([type, schema]) => [type, ajv.compile(schema as SchemaObject)]));

/** What in a value is not of the type, each as `/path/in/it message`; none where it is valid. */
export function mistakes(type: TypeName, value: unknown): string[] {
  const validate = validators.get(type);
  if (!validate) throw new Error(`${type} is no type of grafana-types.ts`);
  if (validate(value)) return [];
  // That a branch by `type` or `id` did not match says no more than the errors in it.
  return (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if').map(asText);
}

function asText({ instancePath, message, params }: ErrorObject): string {
  const what = params.additionalProperty ?? params.allowedValues ?? params.allowedValue;
  return `${instancePath || '/'} ${message}${what === undefined ? '' : ` (${[what].flat().join(', ')})`}`;
}
