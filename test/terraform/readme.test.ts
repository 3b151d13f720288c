import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addAzure } from '../../agent/commands/azure.ts';
import { addBackup } from '../../agent/commands/backup.ts';
import { type HclBody, readHcl, readTerraformFile, TERRAFORM } from './hcl-files.ts';
import { SCHEMAS } from './schema.ts';

const README = readTerraformFile('README.md');
const root = new Command('energy-monitor');
addAzure(root);
addBackup(root);

test('its files are there', () => {
  const named = [
    ...README.matchAll(/[`(]((?:[a-z-]+\/)*[a-z0-9-]+\.(?:tf|sh|ts|json|tftest\.hcl|tfvars\.example))[`)]/g),
  ].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(6);
  for (const path of named) {
    expect(existsSync(join(TERRAFORM, path)) || existsSync(join(TERRAFORM, '..', path)), path).toBe(true);
  }
});

test('its commands of the agent are there, with their options', () => {
  const commands = [
    ...(README + readTerraformFile('settings/outputs.tf')).matchAll(
      /energy-monitor (azure|backup) ([a-z]+)([^`"\n#]*)/g,
    ),
  ];
  expect(commands.length).toBeGreaterThan(5);
  for (const [whole, group, name, rest = ''] of commands) {
    const command = root.commands.find((one) => one.name() === group)?.commands.find((one) => one.name() === name);
    expect(command, whole).toBeDefined();
    const known = command?.options.map(({ long }) => long);
    for (const [option] of rest.matchAll(/--[a-z-]+/g)) expect(known, whole).toContain(option);
  }
});

test('its outputs and variables are there, with their defaults', async () => {
  const outputs = (await readHcl('outputs.tf')).output as HclBody;
  for (const [, name = ''] of README.matchAll(/terraform output (?:-raw )?([a-z_]+)/g))
    expect(outputs).toHaveProperty(name);
  const variables = (await readHcl('variables.tf')).variable as Record<string, HclBody[]>;
  for (const [name, [body]] of Object.entries(variables)) {
    expect(README, name).toContain(`\`${name}\``);
    const value = body?.default;
    const isShown = value !== undefined && typeof value !== 'object';
    if (isShown) expect(README, name).toMatch(new RegExp(`^\\| \`${name}\` \\| \`?${value}\`? \\|`, 'm'));
  }
});

test('its way past prevent_destroy changes the line that is there', () => {
  const [, from = '', to = ''] = /sed -i 's\/(.*?)\/(.*?)\/' storage\.tf/.exec(README) ?? [];
  const storage = readTerraformFile('storage.tf');
  expect(storage.split(from)).toHaveLength(2);
  expect(storage.replace(from, to)).toMatch(/^ {4}prevent_destroy = false$/m);
});

test('its snippet is the one that is printed', () => {
  const printed = /<<-EOT\n([\s\S]*?)\s*EOT/.exec(readTerraformFile('settings/outputs.tf'))?.[1] ?? '';
  const filled = printed
    .replaceAll(/^ {6}/gm, '')
    .replace(/\$\{url\}/, 'https://ACCOUNT.blob.core.windows.net/energy-monitor-house')
    .replace(/\$\{local\.sas_file\}/, /sas_file = "(.*)"/.exec(readTerraformFile('settings/names.tf'))?.[1] ?? '');
  expect(filled).toMatch(/^backup:\n/);
  expect(README).toContain(filled);
});

test('terraform.tfvars.example says all that has no default, and nothing else', async () => {
  const variables = (await readHcl('variables.tf')).variable as Record<string, HclBody[]>;
  const needed = Object.keys(variables).filter((name) => !('default' in (variables[name]?.[0] ?? {})));
  const said = [...readTerraformFile('terraform.tfvars.example').matchAll(/^([a-z_]+) *=/gm)].map(([, name]) => name);
  expect(said.sort()).toEqual(needed.sort());
});

test('state, secrets and what is of one home stay out of the repository; the example does not', () => {
  const ignored = [
    'backend.hcl',
    'terraform.tfvars',
    'account.connection',
    'house.sas',
    'first.tfplan',
    'terraform.tfstate',
  ];
  const kept = ['terraform.tfvars.example', '.terraform.lock.hcl', 'storage.tf'];
  const { stdout } = spawnSync('git', ['check-ignore', '--no-index', ...ignored, ...kept], {
    cwd: TERRAFORM,
    encoding: 'utf8',
  });
  expect(stdout.trim().split('\n')).toEqual(ignored);
});

test('it does not claim what was not done', () => {
  expect(README).toMatch(/never applied on Azure/);
  const [checked = ''] = /^- Each resource.*$/m.exec(README) ?? [];
  const versions = [...checked.matchAll(/\*\*azurerm ([\d.]+)\*\*/g)].map(([, version]) => version);
  expect(versions).toEqual(Object.keys(SCHEMAS));
  expect(README).toMatch(/\*\*Not run\*\*/);
});
