import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { configSchema } from '../../agent/config/schema.ts';
import { databaseOf } from '../../agent/influxdb/setup/dbrp.ts';
import { UID } from '../../docker/dashboards/names.ts';
import { REPOSITORY } from '../support/child.ts';
import { requireInfluxd } from '../support/influxd.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import {
  COMPOSE_TEXT,
  commentsOf,
  compose,
  composeSchema,
  DOCKER,
  interpolate,
  mebibytes,
  readDockerFile,
  variablesOf,
} from './compose-files.ts';

const { services, secrets, volumes } = composeSchema.parse(compose());
const README = readDockerFile('README.md');

/** `NAME=value` lines of .env.example, and whether a comment stands above each. */
const EXAMPLE = [...readDockerFile('.env.example').matchAll(/(^#.*\n)?^([A-Z_]+)=(.*)$/gm)].map(
  ([, comment, name = '', value = '']) => ({ name, value, explained: comment !== undefined }),
);

test('the schema refuses what is not known, and what would weaken a service', () => {
  const change = (text: string) => composeSchema.safeParse(parse(text)).success;
  expect(change(COMPOSE_TEXT)).toBe(true);
  expect(change(COMPOSE_TEXT.replace('read_only: true', 'privileged: true'))).toBe(false);
  expect(change(COMPOSE_TEXT.replace('cap_drop', 'cap_drp'))).toBe(false);
  expect(change(COMPOSE_TEXT.replace('restart: unless-stopped', 'restart: always'))).toBe(false);
  expect(change(COMPOSE_TEXT.replace('GOGC: "50"', 'GOGC: 50'))).toBe(false);
});

describe.each(Object.entries(services))('%s', (name, service) => {
  test('is pinned to one exact version', () => {
    expect(service.image).toMatch(/^[a-z0-9./-]+:\d+\.\d+\.\d+$/);
  });

  test('has a memory limit without swap, and Go collects before it', () => {
    expect(service.memswap_limit).toBe(service.mem_limit);
    const goLimit = mebibytes(service.environment.GOMEMLIMIT ?? '');
    const temporary = service.tmpfs.reduce((sum, mount) => sum + mebibytes(/size=(\d+m)/.exec(mount)?.[1] ?? ''), 0);
    expect(goLimit + temporary).toBeLessThan(mebibytes(service.mem_limit));
  });

  test('is asked for its health over loopback, and given minutes to start', () => {
    expect(service.healthcheck.test.at(-1)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\//);
    expect(Number.parseInt(service.healthcheck.start_period, 10)).toBeGreaterThanOrEqual(5);
  });

  test('may stop in less time than systemd gives Docker itself', () => {
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeLessThan(90);
  });

  test('writes a bounded log', () => {
    const { 'max-size': size, 'max-file': files } = service.logging.options;
    expect(mebibytes(size) * Number(files)).toBeLessThanOrEqual(20);
  });

  test('has no secret in its environment, only the name of its file', () => {
    for (const [key, value] of Object.entries(service.environment)) {
      expect(key).not.toMatch(/__FILE$/);
      if (!/PASSWORD|TOKEN|SECRET|_KEY$/.test(key)) continue;
      const secret = /^\$__file\{\/run\/secrets\/(.+)\}$/.exec(interpolate(value))?.[1];
      expect(service.secrets, key).toContain(secret);
    }
    for (const secret of service.secrets) expect(Object.keys(secrets)).toContain(secret);
  });

  test('listens on loopback unless asked for more', () => {
    for (const port of service.ports) {
      expect(interpolate(port)).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      const [bind] = variablesOf(port)[0] ?? [''];
      expect(bind).toBe(`${name.toUpperCase()}_BIND`);
      expect(interpolate(port, { [bind]: '192.168.1.5' })).toMatch(/^192\.168\.1\.5:/);
    }
  });

  test('keeps its data in a named volume and mounts only files of this repository, read-only', () => {
    for (const mount of service.volumes) {
      const [source = '', , mode] = mount.split(':');
      if (source in volumes) continue;
      expect(mode, mount).toBe('ro');
      expect(existsSync(join(DOCKER, source)), mount).toBe(true);
    }
    expect(service.volumes.filter((mount) => (mount.split(':')[0] ?? '') in volumes)).toHaveLength(1);
  });

  test('has a reason above each setting, and the setting in the README', () => {
    const comments = commentsOf(name);
    expect([...comments.keys()]).toEqual(Object.keys(service.environment));
    for (const [setting, comment] of comments) {
      expect(comment.length, setting).toBeGreaterThan(15);
      expect(README, setting).toContain(`\`${setting}\``);
    }
  });

  test('has its memory limit in the budget of the README', () => {
    expect(README).toMatch(new RegExp(`^\\| ${name} .*\\| ${mebibytes(service.mem_limit)} MB`, 'm'));
  });
});

test('the least important goes first when the machine runs out of memory', () => {
  const { influxdb, grafana } = services;
  expect(grafana?.oom_score_adj).toBeGreaterThan(influxdb?.oom_score_adj ?? 1000);
  expect(grafana?.cpu_shares).toBeLessThan(influxdb?.cpu_shares ?? 0);
});

test('.env.example explains exactly the variables of compose.yaml, with their defaults', () => {
  const used = new Map(variablesOf(COMPOSE_TEXT));
  for (const [name, fallback] of variablesOf(COMPOSE_TEXT)) expect(used.get(name), name).toBe(fallback);
  expect(EXAMPLE.map(({ name, value }) => `${name}=${value}`).sort()).toEqual(
    [...used].map(([name, fallback]) => `${name}=${fallback}`).sort(),
  );
  for (const { name, explained } of EXAMPLE) {
    expect(explained, name).toBe(true);
    expect(README, name).toContain(`\`${name}\``);
  }
});

test('looking without a login and answering one name only go together', () => {
  const { GF_AUTH_ANONYMOUS_ENABLED: anonymous = '', GF_SERVER_ENFORCE_DOMAIN: enforced } =
    services.grafana?.environment ?? {};
  expect(interpolate(anonymous)).toBe('false');
  expect(enforced).toBe(anonymous);
});

test('links of Grafana lead to the name and port that browsers use', () => {
  const url = (variables: Record<string, string>) =>
    interpolate(services.grafana?.environment.GF_SERVER_ROOT_URL ?? '', variables);
  expect(url({})).toBe('http://localhost:3000/');
  expect(url({ GRAFANA_PORT: '8080', GRAFANA_DOMAIN: 'raspberrypi.local' })).toBe('http://raspberrypi.local:8080/');
});

test('no setting that influxd takes and does not heed', () => {
  // tsdb/store.go of 2.9.1 raises the burst to the throughput, which has no setting.
  expect(COMPOSE_TEXT + README).not.toContain('COMPACT_THROUGHPUT_BURST');
});

test('the README resets a password by a way that shows it in no process list', () => {
  expect(README).toMatch(/exec -T grafana grafana cli admin reset-admin-password --password-from-stdin/);
});

test('secrets of the agent stay out of the repository', () => {
  const ignored = [
    'config.yaml',
    'tokens/influxdb.token',
    'influxdb.token',
    'docker/any.token',
    'influxdb-admin.password',
  ];
  const { stdout } = spawnSync('git', ['check-ignore', '--no-index', ...ignored], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  expect(stdout.trim().split('\n')).toEqual(ignored);
});

test('secrets and the local settings stay out of the repository', () => {
  expect(readDockerFile('.gitignore').split('\n')).toEqual(expect.arrayContaining(['.env', 'secrets/']));
  for (const { file } of Object.values(secrets)) expect(interpolate(file)).toMatch(/^\.\/secrets\/[a-z.-]+$/);
});

test('the data sources read the buckets of the agent with a token from a file', () => {
  const common = {
    name: z.string(),
    type: z.literal('influxdb'),
    access: z.literal('proxy'),
    url: z.url(),
    editable: z.literal(false),
  };
  const flux = z.strictObject({
    ...common,
    uid: z.literal(UID.flux),
    isDefault: z.literal(true),
    jsonData: z.strictObject({
      version: z.literal('Flux'),
      organization: z.string(),
      defaultBucket: z.string(),
      timeInterval: z.literal('1s'),
    }),
    secureJsonData: z.strictObject({ token: z.string() }),
  });
  const influxql = z.strictObject({
    ...common,
    uid: z.literal(UID.influxql),
    isDefault: z.literal(false),
    jsonData: z.strictObject({
      dbName: z.string(),
      httpMode: z.literal('POST'),
      httpHeaderName1: z.literal('Authorization'),
      timeInterval: z.literal('1s'),
    }),
    secureJsonData: z.strictObject({ httpHeaderValue1: z.string().startsWith('Token ') }),
  });
  const file = z.strictObject({ apiVersion: z.literal(1), datasources: z.tuple([flux, influxql]) });
  const [influx, other] = file.parse(
    parse(readDockerFile('grafana/provisioning/datasources/influxdb.yaml')),
  ).datasources;

  const agent = configSchema.parse({
    meters: [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }],
    influxdb: { url: influx.url },
  }).influxdb[0];
  expect(influx.jsonData).toMatchObject({ organization: agent?.org, defaultBucket: agent?.bucket });
  expect(other.jsonData.dbName).toBe(databaseOf(agent?.bucket ?? '').database);

  for (const { url } of [influx, other]) {
    const { hostname, port } = new URL(url);
    expect(services[hostname]?.ports[0]).toMatch(new RegExp(`:${port}$`));
  }
  for (const text of [influx.secureJsonData.token, other.secureJsonData.httpHeaderValue1.replace('Token ', '')]) {
    const secret = /^\$__file\{\/run\/secrets\/(.+)\}$/.exec(text)?.[1];
    expect(services.grafana?.secrets).toContain(secret);
  }
});

test('influxd knows each of its settings, and takes its value', (context) => {
  requireInfluxd(context);
  const { environment = {} } = services.influxdb ?? {};
  const result = spawnSync(process.env.INFLUXD || 'influxd', ['print-config'], {
    encoding: 'utf8',
    env: { ...environment, PATH: process.env.PATH, HOME: temporaryDirectory() },
  });
  const effective = parse(result.stdout.slice(result.stdout.indexOf('assets-path'))) as Record<string, unknown>;
  const settings = Object.entries(environment).filter(([name]) => name.startsWith('INFLUXD_'));
  expect(settings.length).toBeGreaterThan(5);
  for (const [name, value] of settings) {
    const key = name.replace('INFLUXD_', '').toLowerCase().replaceAll('_', '-');
    expect(String(effective[key]), name).toBe(value);
  }
});

test('docker compose accepts the file', (context) => {
  if (spawnSync('docker', ['compose', 'version']).status !== 0) {
    context.skip('there is no docker with the compose plugin');
  }
  const result = spawnSync('docker', ['compose', '-f', join(DOCKER, 'compose.yaml'), 'config', '-q'], {
    encoding: 'utf8',
  });
  expect(result.stderr).toBe('');
  expect(result.status).toBe(0);
});
