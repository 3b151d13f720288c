import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../agent/config/load.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { readTerraformFile, requireTerraform, TERRAFORM, terraform, terraformFiles } from './hcl-files.ts';

const VARIABLES = {
  subscription_id: '00000000-0000-4000-8000-000000000000',
  account: 'energymonitor4711',
  resource_group: 'energy-monitor-backups',
  location: 'westeurope',
  machines: ['house', 'garden-house'],
  alert_emails: ['me@example.com'],
  budget: 5,
  undo_days: 14,
};

const asArguments = (variables: object) =>
  Object.entries(variables).map(
    ([name, value]) => `-var=${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );

/** settings/ in a directory of its own: Terraform writes beside what it reads. */
function settings(): string {
  const directory = temporaryDirectory();
  cpSync(join(TERRAFORM, 'settings'), directory, { recursive: true });
  expect(terraform(directory, 'init', '-backend=false', '-input=false')).toMatchObject({ status: 0 });
  return directory;
}

test('all files are as terraform fmt writes them', (context) => {
  requireTerraform(context);
  expect(terraform(TERRAFORM, 'fmt', '-check', '-recursive', '-diff')).toEqual({ status: 0, output: '' });
});

test('the tests of settings/ pass, without a provider, an account or a network', (context) => {
  requireTerraform(context);
  const { status, output } = terraform(settings(), 'test', '-no-color');
  expect(output).toMatch(/Success! \d{2,} passed, 0 failed\./);
  expect(status).toBe(0);
  expect(terraformFiles('.tftest.hcl')).toEqual(['settings/tests/settings.tftest.hcl', 'tests/storage.tftest.hcl']);
});

test('Terraform loads the whole of it, short of what only the provider knows', (context) => {
  requireTerraform(context);
  const directory = temporaryDirectory();
  // Not what an init of one's own has fetched: the provider alone is hundreds of megabytes.
  cpSync(TERRAFORM, directory, { recursive: true, filter: (path) => !path.endsWith('/.terraform') });
  expect(terraform(directory, 'get', '-no-color')).toEqual({ status: 0, output: '- settings in settings\n' });
});

test('the defaults and the example pass the conditions, once the example is edited', (context) => {
  requireTerraform(context);
  const directory = temporaryDirectory();
  cpSync(join(TERRAFORM, 'settings'), join(directory, 'settings'), { recursive: true });
  cpSync(join(TERRAFORM, 'variables.tf'), join(directory, 'variables.tf'));
  cpSync(join(TERRAFORM, 'terraform.tfvars.example'), join(directory, 'terraform.tfvars'));
  // The call of the module, without the resources around it, which need the provider.
  const call = /^module "settings" \{\n[\s\S]*?^\}/m.exec(readTerraformFile('storage.tf'))?.[0] ?? '';
  writeFileSync(join(directory, 'main.tf'), `${call}\noutput "urls" {\n  value = module.settings.urls\n}\n`);
  expect(terraform(directory, 'init', '-backend=false', '-input=false')).toMatchObject({ status: 0 });
  const { status, output } = terraform(directory, 'plan', '-no-color', '-input=false');
  expect(output).toContain('"https://energymonitor4711.blob.core.windows.net/energy-monitor-house"');
  expect(status).toBe(0);
});

test('a value that cannot be used is named, with its remedy', (context) => {
  requireTerraform(context);
  const variables = { ...VARIABLES, account: 'Energy-Monitor' };
  const args = asArguments(variables);
  const { status, output } = terraform(settings(), 'plan', '-no-color', '-input=false', ...args);
  expect(status).toBe(1);
  expect(output.replace(/\s*│\s*/g, ' ')).toContain('account is "Energy-Monitor": use 3 to 24 of a-z and 0-9');
});

test('what is printed is a configuration that the agent takes, and commands that hold no secret', (context) => {
  requireTerraform(context);
  const directory = settings();
  const args = asArguments(VARIABLES);
  expect(terraform(directory, 'apply', '-auto-approve', '-input=false', ...args)).toMatchObject({ status: 0 });
  const outputs = JSON.parse(terraform(directory, 'output', '-json').output) as Record<string, { value: unknown }>;
  const config = outputs.config?.value as Record<string, string>;
  expect(Object.keys(config)).toEqual(['garden-house', 'house']);
  const filled = (config.house ?? '').replace('age1...', `age1${'q'.repeat(58)}`);
  const meters = 'meters:\n  - name: house\n    model: we-515\n    connection: {serial: /dev/ttyUSB0}\n';
  expect(parseConfig(meters + filled, 'config.yaml').backup?.stores).toMatchObject([
    {
      azure: 'https://energymonitor4711.blob.core.windows.net/energy-monitor-house',
      sasFile: '/etc/energy-monitor/azure.sas',
      writeOnly: true,
    },
  ]);
  expect(outputs.connection_string_command?.value).toMatch(
    /^\(umask 077; az storage account show-connection-string .* --name energymonitor4711 --key primary .* > account\.connection\)$/,
  );
  expect((outputs.grant_commands?.value as Record<string, string>).house).toBe(
    'energy-monitor azure grant --connection-string-file account.connection --container https://energymonitor4711.blob.core.windows.net/energy-monitor-house --name house --out house.sas',
  );
});
