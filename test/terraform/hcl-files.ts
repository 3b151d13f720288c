import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@cdktn/hcl2json';
import type { TestContext } from 'vitest';
import { REPOSITORY } from '../support/child.ts';
import { hasProgram } from '../support/requires.ts';

export const TERRAFORM = join(REPOSITORY, 'terraform');
export const readTerraformFile = (path: string) => readFileSync(join(TERRAFORM, path), 'utf8');

export type HclValue = string | number | boolean | null | HclValue[] | HclBody;
/** Blocks are lists of bodies, under their labels; expressions are text in `${}`. */
export interface HclBody {
  [key: string]: HclValue;
}

/** Paths below terraform/ that end so. */
export function terraformFiles(ending: string): string[] {
  return readdirSync(TERRAFORM, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending) && !path.includes('.terraform/'))
    .sort();
}

/** By HashiCorp's own parser, built for WebAssembly. @throws Error with file and line */
export async function readHcl(path: string): Promise<HclBody> {
  return (await parse(path, readTerraformFile(path))) as HclBody;
}

/** `resource TYPE NAME { ... }` of all files: what a kind of block with two labels holds. */
export function labelled(body: HclBody, kind: string): { type: string; name: string; body: HclBody }[] {
  return Object.entries((body[kind] ?? {}) as Record<string, Record<string, HclBody[]>>).flatMap(([type, names]) =>
    Object.entries(names).flatMap(([name, bodies]) => bodies.map((one) => ({ type, name, body: one }))),
  );
}

/** Terraform is in no Debian package: without it, also in CI, what needs it is skipped. */
export function requireTerraform(context: TestContext): void {
  if (!hasProgram('terraform'))
    context.skip('terraform is not installed (https://developer.hashicorp.com/terraform/install)');
}

/** Without the settings of whoever runs the tests, and without asking for updates. */
export function terraform(cwd: string, ...args: string[]): { status: number | null; output: string } {
  const env = { PATH: process.env.PATH, HOME: cwd, CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' };
  const { status, stdout, stderr } = spawnSync('terraform', args, { cwd, env, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}
