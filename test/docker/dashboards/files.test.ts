import { is_valid_flux } from '@influxdata/flux-lsp-node';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ALERTS } from '../../../docker/dashboards/alerts.ts';
import { UID } from '../../../docker/dashboards/names.ts';
import { readDockerFile } from '../compose-files.ts';
import { asGrafana, type DashboardFile, dashboard, PAGE } from './asking.ts';

const NAMES = ['home', 'quality', 'machine'] as const;
const FILES = NAMES.map((name) => [name, dashboard(name)] as const);

/** Every query of a dashboard with where it stands. */
function queriesOf(file: DashboardFile): [where: string, query: string][] {
  const ofPanels = file.panels.flatMap((panel) =>
    panel.targets.map(({ refId, query }): [string, string] => [`${panel.title} ${refId}`, query]),
  );
  const ofAnnotations = (file.annotations.list ?? []).map(({ name, target }): [string, string] => [
    name,
    target?.query ?? '',
  ]);
  const ofVariables = file.templating.list
    .filter(({ type }) => type === 'query')
    .map(({ name, query }): [string, string] => [name, query as string]);
  return [...ofPanels, ...ofAnnotations, ...ofVariables];
}

/** Flux keeps imports first; the record has the types that a page's values have. */
function withRecord(query: string): string {
  const record = 'v = {timeRangeStart: 2026-01-01T00:00:00Z, timeRangeStop: 2026-01-02T00:00:00Z, windowPeriod: 1m}\n';
  const imports = /^(?:import .*\n)*/.exec(query)?.[0] ?? '';
  return `${imports}${record}${query.slice(imports.length)}`;
}

test('the checker of Flux sees mistakes of syntax, names and types', () => {
  expect(is_valid_flux('from(bucket: "a") |> range(start: -1h)')).toBe(true);
  for (const wrong of [
    'from(bucket: "a") |> range(start: -1h',
    'from(bucket: "a") |> rang(start: -1h)',
    'from(bucket: 1) |> range(start: -1h)',
    'import "dat"\nfrom(bucket: "a") |> range(start: -1h)',
  ]) {
    expect(is_valid_flux(wrong), wrong).toBe(false);
  }
});

describe.each(FILES)('%s', (name, file) => {
  test.each(queriesOf(file))('%s is valid Flux', (_, query) => {
    const text = query.replaceAll(
      /\$\{(\w+)(?::raw)?\}/g,
      (_whole, variable: string) => PAGE.variables[variable] ?? '?',
    );
    expect(is_valid_flux(withRecord(text))).toBe(true);
    expect(is_valid_flux(asGrafana(query, PAGE))).toBe(true);
  });

  test('asks the provisioned data source, with ids of its own', () => {
    expect(Object.values(UID)).toContain(file.uid);
    const sources = [
      ...file.panels,
      ...file.panels.flatMap(({ targets }) => targets),
      ...(file.annotations.list ?? []),
    ];
    for (const { datasource } of sources) expect(datasource).toEqual({ type: 'influxdb', uid: UID.flux });
    const ids = file.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(file.panels.map(({ title }) => title)).size).toBe(ids.length);
    for (const { targets } of file.panels) {
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });

  test('uses each of its variables, and no other', () => {
    const own = file.templating.list.map((variable) => variable.name);
    const { links } = JSON.parse(readDockerFile(`grafana/dashboards/${name}.json`)) as { links: { url?: string }[] };
    const texts = [...queriesOf(file).map(([, query]) => query), ...links.map(({ url = '' }) => url)];
    const used = new Set(texts.flatMap((text) => [...text.matchAll(/\$\{(\w+)/g)].map((match) => match[1])));
    expect([...used].sort()).toEqual([...own].sort());
    // What is no variable of Grafana must not look like one.
    for (const [where, query] of queriesOf(file)) {
      expect(query.replaceAll(/\$\{\w+(:raw)?\}/g, ''), where).not.toMatch(/\$\w|\$\{|\[\[/);
    }
  });

  test('leads to the others, and says what each number is', () => {
    const raw = JSON.parse(readDockerFile(`grafana/dashboards/${name}.json`)) as {
      tags: string[];
      links: { type: string; tags: string[]; keepTime: boolean; includeVars: boolean }[];
      panels: { title: string; description?: string; gridPos: { w: number; x: number; h: number; y: number } }[];
    };
    expect(raw.links).toMatchObject([
      { type: 'dashboards', tags: raw.tags, keepTime: true, includeVars: true },
      { type: 'link', url: `\${page}`, targetBlank: true },
    ]);
    for (const { title, description, gridPos } of raw.panels) {
      expect(description?.length, title).toBeGreaterThan(10);
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    }
    const cells = raw.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)} ${y + Math.floor(n / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  test('has panels of what Grafana 12.4 brings along', () => {
    const known = ['stat', 'timeseries', 'barchart', 'piechart', 'table', 'state-timeline'];
    for (const { type, title } of file.panels) expect(known, title).toContain(type);
  });
});

const expression = z.strictObject({ type: z.literal('__expr__'), uid: z.literal('__expr__') });
const data = z.strictObject({
  refId: z.enum(['A', 'B', 'C']),
  relativeTimeRange: z.strictObject({ from: z.int().min(60), to: z.literal(0) }),
  datasourceUid: z.enum([UID.flux, '__expr__']),
  model: z.union([
    z.strictObject({ refId: z.literal('A'), query: z.string(), intervalMs: z.int(), maxDataPoints: z.int() }),
    z.strictObject({
      refId: z.literal('B'),
      datasource: expression,
      type: z.literal('reduce'),
      expression: z.literal('A'),
      reducer: z.literal('last'),
    }),
    z.strictObject({
      refId: z.literal('C'),
      datasource: expression,
      type: z.literal('threshold'),
      expression: z.literal('B'),
      conditions: z.tuple([
        z.strictObject({ evaluator: z.strictObject({ type: z.enum(['gt', 'lt']), params: z.tuple([z.number()]) }) }),
      ]),
    }),
  ]),
});
const rule = z.strictObject({
  uid: z.string().regex(/^[a-z-]{1,40}$/),
  title: z.string(),
  condition: z.literal('C'),
  for: z.string().regex(/^[1-9]\d*[mh]$/),
  noDataState: z.enum(['Alerting', 'OK']),
  execErrState: z.literal('Error'),
  isPaused: z.literal(false),
  annotations: z.strictObject({ summary: z.string().min(10), description: z.string().min(20) }),
  labels: z.record(z.string(), z.string()),
  data: z.tuple([data, data, data]),
});
const rulesFile = z.strictObject({
  apiVersion: z.literal(1),
  groups: z.tuple([
    z.strictObject({
      orgId: z.literal(1),
      name: z.string(),
      folder: z.string(),
      interval: z.string().regex(/^\d+m$/),
      rules: z.array(rule),
    }),
  ]),
});

describe('alerts', () => {
  const { rules } = rulesFile.parse(parse(readDockerFile('grafana/provisioning/alerting/rules.yaml'))).groups[0];

  test('the rules have the shape of Grafana’s files, each a uid of its own', () => {
    expect(rules.map(({ uid }) => uid)).toEqual(ALERTS.map(({ uid }) => uid));
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
  });

  test.each(ALERTS.map((alert) => [alert.title, alert] as const))('%s: valid Flux without a variable', (_, {
    query,
  }) => {
    expect(is_valid_flux(withRecord(query))).toBe(true);
    // Rules have no page: neither its variables nor, in a file, a dollar sign of its own.
    expect(query).not.toContain('$');
  });

  test('are in a folder of their own, since Grafana would make two of the dashboards’ name', () => {
    const { groups } = rulesFile.parse(parse(readDockerFile('grafana/provisioning/alerting/rules.yaml')));
    const { providers } = parse(readDockerFile('grafana/provisioning/dashboards/energy-monitor.yaml')) as {
      providers: { folder: string }[];
    };
    expect(providers.map(({ folder }) => folder)).not.toContain(groups[0].folder);
  });

  test('one that is raised without any row has words that need neither its label nor its value', () => {
    for (const { noDataState, annotations } of rules) {
      if (noDataState !== 'Alerting') continue;
      const [, otherwise = ''] =
        /^\{\{ if \$\$labels\.\w+ \}\}.*\{\{ else \}\}(.*)\{\{ end \}\}$/.exec(annotations.summary) ?? [];
      expect(otherwise).toMatch(/^[^{}$]{10,}$/);
    }
  });

  test('a dollar sign is doubled, since Grafana fills in variables of the environment', () => {
    for (const { annotations } of rules) {
      for (const text of Object.values(annotations)) expect(text.replaceAll('$$', '')).not.toContain('$');
    }
  });

  test('go to the contact point whose address is a variable of compose.yaml', () => {
    const file = z.strictObject({
      apiVersion: z.literal(1),
      contactPoints: z.tuple([
        z.strictObject({
          orgId: z.literal(1),
          name: z.string(),
          receivers: z.tuple([
            z.strictObject({
              uid: z.string(),
              type: z.literal('webhook'),
              disableResolveMessage: z.literal(false),
              settings: z.strictObject({
                url: z.literal('$ALERT_WEBHOOK'),
                httpMethod: z.literal('POST'),
                maxAlerts: z.string(),
              }),
            }),
          ]),
        }),
      ]),
      policies: z.tuple([
        z.strictObject({
          orgId: z.literal(1),
          receiver: z.string(),
          group_by: z.array(z.string()).min(1),
          group_wait: z.string(),
          group_interval: z.string(),
          repeat_interval: z.string(),
        }),
      ]),
    });
    const { contactPoints, policies } = file.parse(
      parse(readDockerFile('grafana/provisioning/alerting/contact-points.yaml')),
    );
    expect(policies[0].receiver).toBe(contactPoints[0].name);
  });
});

test('the provider reads the directory that compose.yaml mounts, and Home is one of its files', () => {
  const file = z.strictObject({
    apiVersion: z.literal(1),
    providers: z.tuple([
      z.strictObject({
        name: z.string(),
        folder: z.string(),
        folderUid: z.literal(UID.folder),
        type: z.literal('file'),
        allowUiUpdates: z.literal(false),
        disableDeletion: z.literal(true),
        updateIntervalSeconds: z.int().min(10),
        options: z.strictObject({ path: z.string() }),
      }),
    ]),
  });
  const [{ options }] = file.parse(
    parse(readDockerFile('grafana/provisioning/dashboards/energy-monitor.yaml')),
  ).providers;
  const text = readDockerFile('compose.yaml');
  expect(text).toContain(`./grafana/dashboards:${options.path}:ro`);
  expect(text).toContain(`GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: ${options.path}/home.json`);
});
