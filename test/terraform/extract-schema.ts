/**
 * Makes azurerm-schema.json (azurerm 4.73, of 16.1.0) and azurerm-schema-5.json (azurerm 5.10, of 18.9.0), once for each
 * version of the provider. In an empty directory:
 *
 *   pip download --no-deps cdktn-provider-azurerm==18.9.0 && unzip cdktn_provider_azurerm-*.whl
 *   tar xzf cdktn_provider_azurerm/_jsii/provider-azurerm@*.tgz
 *   .../node_modules/.bin/node .../test/terraform/extract-schema.ts package > .../test/terraform/azurerm-schema-5.json
 *
 * The package for Python carries the one for Node, which npm does not have of each version. It holds the provider's
 * schema as TypeScript declarations: an interface for each block, a property for each argument, its name in Terraform in
 * the link of its comment.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Body, Schema } from './schema.ts';

const RESOURCES = [
  'resource-group',
  'storage-account',
  'storage-container',
  'storage-management-policy',
  'consumption-budget-resource-group',
  'management-lock',
];

const PROPERTY = /\{@link [^\s}]*#(\w+) [^}]*\}(?:(?!\*\/)[\s\S])*\*\/\s*readonly \w+(\?)?: ([^;]+(?:\{[^}]*\})?);/g;

function bodyOf(interfaces: ReadonlyMap<string, string>, name: string): Body {
  const body: Body = { arguments: {}, blocks: {} };
  for (const [, key = '', optional, type = ''] of (interfaces.get(name) ?? '').matchAll(PROPERTY)) {
    const [bare = ''] = type.replace(/\s+/g, ' ').split(' | ');
    const block = bare.replace('[]', '');
    const required = optional === undefined;
    if (interfaces.has(block)) {
      body.blocks[key] = { required, many: bare.endsWith('[]'), ...bodyOf(interfaces, block) };
    } else {
      body.arguments[key] = `${required ? 'required ' : ''}${bare.startsWith('{') ? 'map' : bare}`;
    }
  }
  return body;
}

function read(directory: string, name: string): { type: string; body: Body } {
  const text = readFileSync(join(directory, 'lib', name, 'index.d.ts'), 'utf8');
  const interfaces = new Map(
    [...text.matchAll(/^export interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)].map(([, key = '', body = '']) => [key, body]),
  );
  const root = [...interfaces.keys()].find((key) => key.endsWith('Config')) ?? '';
  return { type: /tfResourceType = "(\w+)"/.exec(text)?.[1] ?? '', body: bodyOf(interfaces, root) };
}

const directory = process.argv[2] ?? '.';
const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Record<string, string>;
const provider = /azurerm provider version (\S+)/.exec(readFileSync(join(directory, 'README.md'), 'utf8'))?.[1] ?? '';
const schema: Schema = {
  notice:
    'Names, types and requiredness of arguments, extracted by extract-schema.ts. Copyright IBM Corp. 2021, 2026. ' +
    'Licensed under the Mozilla Public License 2.0 (https://mozilla.org/MPL/2.0/), unlike the rest of this repository.',
  source: `${name} ${version}, generated from hashicorp/azurerm ${provider}`,
  provider: read(directory, 'provider').body,
  resources: Object.fromEntries(RESOURCES.map((one) => read(directory, one)).map(({ type, body }) => [type, body])),
};
process.stdout.write(`${JSON.stringify(schema, undefined, 2)}\n`);
