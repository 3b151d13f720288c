import { parse } from '@cdktn/hcl2json';
import { describe, expect, test } from 'vitest';
import { type HclBody, labelled, readHcl, readTerraformFile, terraformFiles } from './hcl-files.ts';
import { isBlocks, mistakesInFile, SCHEMAS } from './schema.ts';

const FILES = terraformFiles('.tf');
const ROOT = FILES.filter((path) => !path.includes('/'));
const bodies = new Map<string, HclBody>(
  await Promise.all(FILES.map(async (path) => [path, await readHcl(path)] as const)),
);
const root = ROOT.map((path) => bodies.get(path) ?? {});
const resources = root.flatMap((body) => labelled(body, 'resource'));

/**
 * Defaults that are others in 4.x and in 5.x, which no schema tells: said, they are the same.
 * https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/guides/5.0-upgrade-guide
 */
const SAID = {
  azurerm_storage_account: ['allow_nested_items_to_be_public'],
  provider: ['resource_provider_registrations'],
};

const one = (type: string): HclBody => {
  const found = resources.filter((resource) => resource.type === type);
  expect(found, type).toHaveLength(1);
  return found[0]?.body ?? {};
};

/** The only block of this name in a body. */
const block = (body: HclBody | undefined, name: string): HclBody | undefined => {
  const value = body?.[name];
  return isBlocks(value) ? value[0] : undefined;
};

const keysIn = (value: unknown): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => [key, ...keysIn(inner)])
    : [];

const account = (more: string) =>
  `resource "azurerm_storage_account" "x" {\n name = "x"\n location = "x"\n resource_group_name = "x"\n account_tier = "x"\n account_replication_type = "x"\n ${more}\n}`;
const container = (more: string) => `resource "azurerm_storage_container" "x" {\n name = "x"\n ${more}\n}`;
const provider = (more: string) => `provider "azurerm" {\n ${more}\n}`;

describe.each(Object.entries(SCHEMAS))('the check against %s itself finds', (_version, schema) => {
  const check = async (text: string) => mistakesInFile((await parse('case.tf', text)) as HclBody, schema);
  const lock = (more: string) => `resource "azurerm_management_lock" "x" {\n name = "x"\n scope = var.x\n ${more}\n}`;

  test.each([
    ['nothing in what is right', lock('lock_level = "CanNotDelete"\n count = 1'), []],
    ['an unknown resource', 'resource "azurerm_lock" "x" {}', ['azurerm_lock.x is not in the schema']],
    ['what is missing', lock(''), ['azurerm_management_lock.x.lock_level is missing']],
    [
      'a mistyped argument',
      lock('lock_level = "x"\n note = "x"'),
      ['azurerm_management_lock.x.note is not in the schema'],
    ],
    ['an argument as a block', lock('lock_level = "x"\n notes {}'), ['azurerm_management_lock.x.notes is no string']],
    ['a wrong type', account('min_tls_version = true'), ['azurerm_storage_account.x.min_tls_version is no string']],
    [
      'a block as an argument',
      account('sas_policy = { expiration_period = "x" }'),
      ['azurerm_storage_account.x.sas_policy is a block, written as an argument'],
    ],
    [
      'a block twice',
      account('sas_policy {\n expiration_period = "x"\n}\n sas_policy {\n expiration_period = "x"\n}'),
      ['azurerm_storage_account.x.sas_policy is there 2 times'],
    ],
    [
      'what is missing in a block',
      account('sas_policy {}'),
      ['azurerm_storage_account.x.sas_policy.expiration_period is missing'],
    ],
    ['a mistyped argument of the provider', provider('use_CLI = true'), ['provider.use_CLI is not in the schema']],
    ['nothing in a certificate, whose explanation has a # of its own', provider('client_certificate = "x"'), []],
  ])('%s', async (_, text, expected) => {
    expect(await check(text)).toEqual(expected);
  });

  test('a file that is no HCL', async () => {
    await expect(check('resource "x" {')).rejects.toThrow(/case\.tf:1/);
  });
});

test.each([
  ['an argument that 5.0 removed', container('storage_account_name = "x"\n storage_account_id = "x"'), [0, 1]],
  ['one that it made necessary', container(''), [0, 1]],
  ['a block that it removed', account('queue_properties {}'), [0, 1]],
  ['an argument of the provider that it removed', provider('skip_provider_registration = true'), [0, 1]],
  ['a block of the provider that it moved away', provider('enhanced_validation {}'), [0, 1]],
  ['and where to', provider('features {\n enhanced_validation {}\n}'), [1, 0]],
  ['what came with a later 5.x', account('public_network_access = "Enabled"'), [1, 0]],
])('the versions differ in %s', async (_, text, mistakes) => {
  const file = (await parse('case.tf', text)) as HclBody;
  expect(Object.values(SCHEMAS).map((schema) => mistakesInFile(file, schema).length)).toEqual(mistakes);
});

test('the tests of Terraform are HCL too', async () => {
  for (const path of terraformFiles('.tftest.hcl')) expect(Object.keys(await readHcl(path)), path).toContain('run');
});

test.each(Object.entries(SCHEMAS))('the schema of %s says where it is from and whose it is', (version, schema) => {
  expect(schema.source).toMatch(new RegExp(`hashicorp/azurerm ${version.replace('.', '\\.')}\\.\\d+$`));
  expect(schema.notice).toMatch(/Mozilla Public License 2\.0/);
});

test('the versions that may be used begin with the first schema, and end with the major version of the last', () => {
  const [, oldest, limit = ''] = /version = ">= ([\d.]+), < (\d+)\.0"/.exec(readTerraformFile('versions.tf')) ?? [];
  const versions = Object.keys(SCHEMAS);
  expect(oldest).toBe(versions[0]);
  expect(versions.at(-1)).toMatch(new RegExp(`^${Number(limit) - 1}\\.`));
});

test.each(
  Object.entries(SCHEMAS),
)('every resource, block and argument is in the schema of %s, and none that is needed is missing', (_version, schema) => {
  expect(resources.length).toBeGreaterThanOrEqual(6);
  expect(root.flatMap((body) => mistakesInFile(body, schema))).toEqual([]);
});

test('the provider is set up once, and nothing is looked up', () => {
  const providers = root.flatMap((body) => (body.provider as Record<string, HclBody[]> | undefined)?.azurerm ?? []);
  expect(providers).toHaveLength(1);
  expect(providers[0]).toHaveProperty('features');
  expect(root.flatMap((body) => labelled(body, 'data'))).toEqual([]);
});

test('nothing is left to a default that azurerm 5.0 changed, nor set to what it refuses', () => {
  const used = (type: string) =>
    type === 'provider' ? root.flatMap((body) => keysIn(body.provider)) : keysIn(one(type));
  for (const [type, names] of Object.entries(SAID)) for (const name of names) expect(used(type), type).toContain(name);
  expect(one('azurerm_storage_account').min_tls_version).toBe('TLS1_2');
  // What can only be read is in no schema here. This was, in 4.x.
  for (const path of ROOT) expect(readTerraformFile(path), path).not.toContain('resource_manager_id');
});

test('what is referred to is there: variables, resources, outputs of the module, locals', () => {
  for (const [directory, paths] of [
    ['', ROOT],
    ['settings/', FILES.filter((path) => path.startsWith('settings/'))],
  ] as const) {
    const all = paths.map((path) => bodies.get(path) ?? {});
    const names = (kind: string) => new Set(all.flatMap((body) => Object.keys((body[kind] ?? {}) as object)));
    const locals = new Set(
      all.flatMap((body) => ((body.locals ?? []) as HclBody[]).flatMap((each) => Object.keys(each))),
    );
    const declared = names('variable');
    const used = new Set<string>();
    for (const path of paths) {
      const text = readTerraformFile(path).replaceAll(/^\s*#.*$/gm, '');
      for (const [, name = ''] of text.matchAll(/\bvar\.(\w+)/g)) {
        expect(declared, `${path}: var.${name}`).toContain(name);
        used.add(name);
      }
      for (const [, name = ''] of text.matchAll(/\blocal\.(\w+)/g))
        expect(locals, `${path}: local.${name}`).toContain(name);
      for (const [, name = ''] of text.matchAll(/\bmodule\.settings\.(\w+)/g)) {
        const outputs = (bodies.get('settings/outputs.tf')?.output ?? {}) as HclBody;
        expect(Object.keys(outputs), `${path}: module.settings.${name}`).toContain(name);
      }
      for (const [, type = '', name = '', key] of text.matchAll(/\b(azurerm_\w+)\.(\w+)(?:\.(\w+))?/g)) {
        expect(
          resources.some((each) => each.type === type && each.name === name),
          `${path}: ${type}.${name}`,
        ).toBe(true);
        for (const { resources: known } of key ? Object.values(SCHEMAS) : [])
          expect(Object.keys(known[type]?.arguments ?? {}), `${path}: ${type}.${name}.${key}`).toContain(key);
      }
    }
    expect([...used].sort(), `${directory} has no variable that nothing uses`).toEqual([...declared].sort());
  }
  const module = (bodies.get('storage.tf')?.module as Record<string, HclBody[]> | undefined)?.settings?.[0] ?? {};
  const wanted = Object.keys((bodies.get('settings/variables.tf')?.variable ?? {}) as object);
  expect(
    Object.keys(module)
      .filter((key) => key !== 'source')
      .sort(),
  ).toEqual(wanted.sort());
});

test('no rule deletes or moves what backups are made of', () => {
  const rules = one('azurerm_storage_management_policy').rule;
  expect(isBlocks(rules)).toBe(true);
  for (const rule of isBlocks(rules) ? rules : []) {
    expect(Object.keys(block(rule, 'actions') ?? {}).sort()).toEqual(['snapshot', 'version']);
  }
  expect(keysIn(rules).filter((key) => /tier/.test(key))).toEqual([]);
});

test('the account is closed, undoable and not replaced by mistake', () => {
  const account = one('azurerm_storage_account');
  expect(account).toMatchObject({
    account_replication_type: 'LRS',
    https_traffic_only_enabled: true,
    allow_nested_items_to_be_public: false,
    local_user_enabled: false,
    cross_tenant_replication_enabled: false,
    shared_access_key_enabled: true,
  });
  expect(block(account, 'lifecycle')).toEqual({ prevent_destroy: true });
  const properties = block(account, 'blob_properties');
  expect(properties?.versioning_enabled).toBe(true);
  expect(Object.keys(properties ?? {})).toEqual(
    expect.arrayContaining(['delete_retention_policy', 'container_delete_retention_policy']),
  );
  expect(one('azurerm_storage_container').container_access_type).toBe('private');
  // Deleted in parallel with the lock, these would be refused.
  expect(one('azurerm_management_lock').depends_on).toHaveLength(2);
  const budget = block(one('azurerm_consumption_budget_resource_group'), 'lifecycle');
  expect(String(budget?.ignore_changes)).toContain('time_period');
});

test('outputs hold nothing secret: no key, no connection string, no SAS', () => {
  for (const path of ['outputs.tf', 'settings/outputs.tf']) {
    const text = readTerraformFile(path).replaceAll(/^\s*#.*$/gm, '');
    expect(text, path).not.toMatch(/access_key|_connection_string\b(?!_command)|\bsensitive\b|nonsensitive|\bsig=/);
  }
  // In the root they refer to the module, which has no resource, and to names alone.
  const referred = [...readTerraformFile('outputs.tf').matchAll(/value\s*=\s*(\S+)/g)].map(([, value]) => value);
  for (const value of referred)
    expect(value).toMatch(/^(module\.settings\.\w+|azurerm_resource_group\.backups\.name)$/);
  expect(labelled(bodies.get('settings/outputs.tf') ?? {}, 'resource')).toEqual([]);
});

test('each variable is explained, and each condition has a remedy that names the value', () => {
  const variables = Object.entries((bodies.get('variables.tf')?.variable ?? {}) as Record<string, HclBody[]>);
  for (const [name, [body]] of variables) expect(String(body?.description ?? '').length, name).toBeGreaterThan(15);
  const checked = Object.entries((bodies.get('settings/variables.tf')?.variable ?? {}) as Record<string, HclBody[]>);
  for (const [name, [body]] of checked) {
    const validations = body?.validation;
    expect(isBlocks(validations), name).toBe(true);
    for (const { error_message: message } of isBlocks(validations) ? validations : []) {
      expect(message, name).toMatch(new RegExp(`^${name} (is|has) .*: (use|write|name) `, 's'));
    }
  }
});
