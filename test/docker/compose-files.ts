import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';
import { z } from 'zod';
import { REPOSITORY } from '../support/child.ts';

export const DOCKER = join(REPOSITORY, 'docker');
export const readDockerFile = (path: string) => readFileSync(join(DOCKER, path), 'utf8');

const size = z.string().regex(/^\d+m$/);
const seconds = z.string().regex(/^\d+s$/);

/** The part of the Compose specification that compose.yaml uses; a key that is not here is a mistake or needs a rule first. */
const service = z.strictObject({
  image: z.string(),
  user: z.string().regex(/^[1-9]\d*:\d+$/),
  restart: z.literal('unless-stopped'),
  stop_signal: z.literal('SIGINT').optional(),
  stop_grace_period: seconds,
  ports: z.array(z.string()).min(1),
  volumes: z.array(z.string()).min(1),
  tmpfs: z.array(z.string().regex(/^\/[a-z0-9/]+:size=\d+m(,uid=\d+,gid=\d+)?$/)),
  secrets: z.array(z.string()).default([]),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  mem_limit: size,
  memswap_limit: size,
  cpu_shares: z.int().min(2).max(1023),
  oom_score_adj: z.int().min(1).max(1000),
  logging: z.strictObject({
    driver: z.enum(['local', 'json-file']),
    options: z.strictObject({ 'max-size': size, 'max-file': z.string().regex(/^[1-5]$/) }),
  }),
  healthcheck: z.strictObject({
    test: z.tuple([z.literal('CMD')], z.string()),
    interval: seconds,
    timeout: seconds,
    retries: z.int().min(1),
    start_period: z.string().regex(/^\d+m$/),
  }),
  // Values are text: YAML's booleans and numbers reach a container in Compose's spelling, not in the file's.
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()),
});

export const composeSchema = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), service),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
  volumes: z.record(z.string(), z.null()),
});

export type Service = z.infer<typeof service>;

export const COMPOSE_TEXT = readDockerFile('compose.yaml');
const document = parseDocument(COMPOSE_TEXT);

/** compose.yaml as it stands, before variables are filled in. */
export const compose = (): unknown => {
  if (document.errors.length > 0) throw document.errors[0];
  return document.toJS();
};

/** `${NAME:-default}`, the one form in use; `$$` is a dollar sign. */
const VARIABLE = /\$(?:\$|\{([A-Z_]+):-([^}]*)\})/g;

/** A value as Compose fills it in. */
export function interpolate(text: string, variables: Record<string, string> = {}): string {
  const bare = text.replaceAll(VARIABLE, '');
  if (bare.includes('$')) throw new Error(`${text} uses a form other than \${NAME:-default}`);
  return text.replaceAll(VARIABLE, (_, name?: string, fallback?: string) =>
    name === undefined ? '$' : variables[name] || (fallback ?? ''),
  );
}

/** Every variable of compose.yaml with its default, one entry a place. */
export function variablesOf(text: string): [name: string, fallback: string][] {
  const settings = text.replaceAll(/^\s*#.*$/gm, '');
  return [...settings.matchAll(VARIABLE)].flatMap(([, name, fallback]) => (name ? [[name, fallback ?? '']] : []));
}

/** Each setting of a service's environment with the comment above it. */
export function commentsOf(serviceName: string): Map<string, string> {
  const environment = document.getIn(['services', serviceName, 'environment']);
  if (!isMap(environment)) throw new Error(`${serviceName} has no environment`);
  return new Map(
    (environment as YAMLMap).items.map((pair, index) => {
      if (!isScalar(pair.key)) throw new Error('a key is no text');
      // The comment above a mapping's first key belongs to the mapping.
      const first = index === 0 ? environment.commentBefore : undefined;
      return [String(pair.key.value), (pair.key.commentBefore ?? first ?? '').trim()];
    }),
  );
}

export const mebibytes = (text: string): number => Number(/^(\d+)(?:m|MiB)$/.exec(text)?.[1]);
