import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type NamedSecrets, secretsIn } from '../../config/secrets-in.ts';
import { AgentError } from '../../system/errors.ts';
import { askedBy } from '../asked.ts';
import { type Asked, gatherFacts } from '../gather.ts';
import { problemsIn } from '../problems.ts';
import { type Bundle, writeBundle } from './bundle.ts';
import { knownSecrets } from './known-secrets.ts';
import { type PartsOptions, partsOf } from './parts.ts';
import { Redactor } from './redactor.ts';

export interface BundleOptions {
  config: string;
  /** Alone, whatever the configuration says. */
  stateDir?: string | undefined;
  version: string;
  /** By default one with the time in its name, in the working directory. */
  file?: string | undefined;
  added?: readonly string[] | undefined;
  /** For tests: what stands for / */
  root?: string;
  nowMs?: number;
}

/**
 * One file for a bug report. What cannot be had is left out and said: a machine on which nothing works is what it is for.
 * @throws AgentError when the file cannot be written
 */
export async function makeBundle(options: BundleOptions): Promise<Bundle> {
  const { config, stateDir, version, added = [], root = '/', nowMs = Date.now() } = options;
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const { asked, failure } = askedOr(config, stateDir);
  const status = asked ? await statusOf({ ...asked, version, root, nowMs }) : failure;
  // With --state-dir as well: logs may hold what the configuration names.
  const secrets = knownSecrets(namedIn(config), root);
  const redactor = new Redactor({ secrets: secrets.values, hostName: hostname() });
  const parts = partsOf({
    version,
    status,
    configFile: stateDir === undefined ? config : undefined,
    configProblem: failure?.message ?? asked?.configProblem?.message,
    stateDir: asked?.stateDir,
    added,
    root,
  });
  const file = options.file ?? `energy-monitor-support-${stamp}.tar.gz`;
  return writeBundle(file, parts, { redactor, unread: secrets.unread, nowMs });
}

function askedOr(
  config: string,
  stateDir: string | undefined,
): { asked: Omit<Asked, 'version'>; failure: undefined } | { asked: undefined; failure: AgentError } {
  try {
    return { asked: askedBy({ config, ...(stateDir === undefined ? {} : { stateDir }) }), failure: undefined };
  } catch (error) {
    if (error instanceof AgentError) return { asked: undefined, failure: error };
    throw error;
  }
}

async function statusOf(asked: Asked): Promise<PartsOptions['status']> {
  try {
    const facts = await gatherFacts(asked);
    return { facts, problems: problemsIn(facts) };
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
}

function namedIn(config: string): NamedSecrets {
  try {
    return secretsIn(readFileSync(config, 'utf8'));
  } catch {
    return { values: [], files: [] };
  }
}
