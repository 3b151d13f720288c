import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readDockerFile } from '../compose-files.ts';
import { mistakes, SCHEMAS, type TypeName } from './grafana-schema.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

const NAMES = ['home', 'quality', 'machine'] as const;
const read = (name: (typeof NAMES)[number]) => JSON.parse(readDockerFile(`grafana/dashboards/${name}.json`)) as Json;

/** A copy in which the value at `path` is another; `undefined` takes the key away. A panel is found by its type. */
function changed(whole: Json, path: string, value: Json | undefined): Json {
  const copy = structuredClone(whole);
  const keys = path.split('/');
  const last = keys.pop() ?? '';
  let at = copy as JsonObject;
  for (const key of keys) {
    const found = Array.isArray(at) && Number.isNaN(Number(key)) ? at.find(({ type }) => type === key) : at[key];
    if (typeof found !== 'object' || found === null) throw new Error(`nothing at ${key} of ${path}`);
    at = found as JsonObject;
  }
  if (value === undefined) {
    if (!(last in at)) throw new Error(`nothing at ${path}`);
    delete at[last];
  } else {
    at[last] = value;
  }
  return copy;
}

/** Every key of every object in a value. */
function eachKey(value: Json, path = ''): { at: JsonObject; key: string; path: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => {
    const own = Array.isArray(value) ? [] : [{ at: value, key, path: `${path}/${key}` }];
    return [...own, ...eachKey(below, `${path}/${key}`)];
  });
}

/** Places of a schema where anything goes. What has `allOf` is closed by one of those. */
function openPlaces(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const node = schema as JsonObject;
  const { type, additionalProperties, allOf } = node;
  const empty = !Array.isArray(schema) && Object.keys(node).length === 0;
  const open = type === 'object' && !allOf && (additionalProperties ?? true) === true;
  const below = Object.entries(node).filter(([key]) => key !== 'definitions');
  return [...(empty || open ? [path] : []), ...below.flatMap(([key, value]) => openPlaces(value, `${path}/${key}`))];
}

test.each(SCHEMAS)('%s leaves nothing open: no `any` of the SDK is left, and no type is missing', (_, schema) => {
  expect(schema.type).toBe('object');
  expect(openPlaces(schema)).toEqual([]);
});

describe('dashboards', () => {
  test.each(NAMES)('%s is what the types of Grafana’s SDK say', (name) => {
    expect(mistakes('DashboardFile', read(name))).toEqual([]);
  });

  test.each(NAMES)('%s with any key misspelt, or any value of another type, is refused', (name) => {
    const file = read(name);
    const taken: string[] = [];
    const places = eachKey(file);
    for (const { at, key, path } of places) {
      const value = at[key] as Json;
      at[key] = typeof value === 'object' ? 'a text' : {};
      if (mistakes('DashboardFile', file).length === 0) taken.push(`${path} of another type`);
      delete at[key];
      at[`${key}s`] = value;
      if (mistakes('DashboardFile', file).length === 0) taken.push(`${path} misspelt`);
      delete at[`${key}s`];
      at[key] = value;
    }
    expect(taken).toEqual([]);
    expect(places.length).toBeGreaterThan(500);
    expect(file).toEqual(read(name));
  });

  const stat = 'panels/stat';
  const curves = 'panels/timeseries';
  test.each<[what: string, path: string, value: Json | undefined, mistake: RegExp]>([
    ['an unknown key', 'panel', [], /^\/ .*\(panel\)/],
    ['no schema version', 'schemaVersion', undefined, /^\/ .*'schemaVersion'/],
    ['a text for the version', 'schemaVersion', '42', /^\/schemaVersion must be number/],
    ['an unknown tooltip', 'graphTooltip', 7, /^\/graphTooltip .*0, 1, 2/],
    ['a number for a time', 'time/from', 24, /^\/time\/from must be string/],
    ['an unknown kind of link', 'links/0/type', 'dashboard', /^\/links\/0\/type .*link, dashboards/],
    ['a link without its tags', 'links/0/tags', undefined, /^\/links\/0 .*'tags'/],
    ['an unknown kind of variable', 'templating/list/query/type', 'flux', /^\/templating\/list\/\d+\/type/],
    ['a query that is no text', 'templating/list/query/query', {}, /^\/templating\/list\/\d+\/query must be string/],
    ['an annotation that asks nothing', 'annotations/list/0/target', undefined, /^\/annotations\/list\/0 .*'target'/],
    ['an unknown panel', `${stat}/type`, 'stats', /^\/panels\/\d+\/type .*stat, timeseries/],
    ['the panel of another type', `${stat}/type`, 'piechart', /^\/panels\/\d+\/options .*'pieType'/],
    ['a misspelt key of a panel', `${stat}/desription`, 'Now', /^\/panels\/\d+ .*\(desription\)/],
    ['a panel without a place', `${stat}/gridPos`, undefined, /^\/panels\/\d+ .*'gridPos'/],
    ['a panel without a number', `${stat}/id`, undefined, /^\/panels\/\d+ .*'id'/],
    ['a text for a width', `${stat}/gridPos/w`, '6', /^\/panels\/\d+\/gridPos\/w must be number/],
    ['a panel without options', `${stat}/options`, undefined, /^\/panels\/\d+ .*'options'/],
    ['an unknown option', `${stat}/options/colourMode`, 'value', /\/options .*\(colourMode\)/],
    ['an unknown value of an option', `${stat}/options/graphMode`, 'lines', /\/options\/graphMode .*none, line, area/],
    ['another panel’s option', `${stat}/options/legend`, {}, /\/options .*\(legend\)/],
    [
      'an option of a wrong type',
      'panels/barchart/options/xTickLabelSpacing',
      true,
      /xTickLabelSpacing must be number/,
    ],
    ['a pie without its kind', 'panels/piechart/options/pieType', undefined, /\/options .*'pieType'/],
    ['an unknown setting of a curve', `${curves}/fieldConfig/defaults/custom/lineWidht`, 1, /\/custom .*\(lineWidht\)/],
    ['an unknown value of one', `${curves}/fieldConfig/defaults/custom/showPoints`, 'some', /showPoints .*auto, never/],
    [
      'a setting where there is none',
      `${stat}/fieldConfig/defaults/custom`,
      { lineWidth: 1 },
      /\/custom .*\(lineWidth\)/,
    ],
    ['a misspelt setting of a field', `${stat}/fieldConfig/defaults/decimal`, 1, /\/defaults .*\(decimal\)/],
    ['an unknown kind of cell', 'panels/table/fieldConfig/defaults/custom/cellOptions/type', 'rainbow', /cellOptions/],
    [
      'a threshold without a color',
      `${stat}/fieldConfig/defaults/thresholds/steps/0/color`,
      undefined,
      /steps\/0 .*'color'/,
    ],
    ['an override without a matcher', `${stat}/fieldConfig/overrides/0/matcher`, undefined, /overrides\/0 .*'matcher'/],
    [
      'an unknown override',
      `${stat}/fieldConfig/overrides/0/properties/0/id`,
      'display',
      /overrides\/0\/properties\/0/,
    ],
    [
      'another panel’s override',
      `${stat}/fieldConfig/overrides/0/properties/0`,
      { id: 'custom.width', value: 4 },
      /properties\/0/,
    ],
    ['an override of a wrong type', `${stat}/fieldConfig/overrides/0/properties/0/value`, 1, /properties\/0/],
    ['a transformation, whose options nobody checks', `${stat}/transformations`, [], /\(transformations\)/],
    ['a query without its letter', `${stat}/targets/0/refId`, undefined, /\/targets\/0 .*'refId'/],
    ['a query of another source', `${stat}/targets/0/datasource/type`, 'prometheus', /\/targets\/0\/datasource\/type/],
    ['a source without its uid', `${stat}/datasource/uid`, undefined, /\/datasource .*'uid'/],
    ['an unknown key of a query', `${stat}/targets/0/querry`, '', /\/targets\/0 .*\(querry\)/],
  ])('%s is refused', (_what, path, value, mistake) => {
    expect(mistakes('DashboardFile', changed(read('home'), path, value)).join('\n')).toMatch(new RegExp(mistake, 'm'));
  });
});

describe('alerts', () => {
  const provisioned = (name: string) => parse(readDockerFile(`grafana/provisioning/alerting/${name}.yaml`));
  const { groups } = provisioned('rules') as { groups: { rules: JsonObject[] }[] };
  const { contactPoints, policies } = provisioned('contact-points') as {
    contactPoints: { receivers: JsonObject[] }[];
    policies: JsonObject[];
  };
  const rules = groups.flatMap((group) => group.rules);
  const receivers = contactPoints.flatMap((point) => point.receivers);

  test.each(rules.map((rule) => [rule.title, rule]))('%s is a rule of the SDK', (_title, rule) => {
    expect(mistakes('RuleInFile', rule)).toEqual([]);
  });

  test('so are the receivers and policies', () => {
    expect(receivers.map((receiver) => mistakes('ReceiverInFile', receiver))).toEqual([[]]);
    expect(policies.map((policy) => mistakes('PolicyInFile', policy))).toEqual([[]]);
  });

  const [rule = {}] = rules;
  const [receiver = {}] = receivers;
  const [policy = {}] = policies;
  test.each<[what: string, type: TypeName, whole: JsonObject, path: string, value: Json | undefined, mistake: RegExp]>([
    ['a state that is none', 'RuleInFile', rule, 'noDataState', 'Ok', /^\/noDataState/],
    ['a rule without a condition', 'RuleInFile', rule, 'condition', undefined, /^\/ .*'condition'/],
    ['an unknown key of a rule', 'RuleInFile', rule, 'paused', true, /^\/ .*\(paused\)/],
    ['a number for a while', 'RuleInFile', rule, 'for', 5, /^\/for must be string/],
    [
      'a range in words',
      'RuleInFile',
      rule,
      'data/0/relativeTimeRange/from',
      '1h',
      /relativeTimeRange\/from must be number/,
    ],
    ['an unknown reducer', 'RuleInFile', rule, 'data/1/model/reducer', 'latest', /^\/data\/1\/model/],
    ['an unknown comparison', 'RuleInFile', rule, 'data/2/model/conditions/0/evaluator/type', '>', /^\/data\/2\/model/],
    ['an unknown receiver', 'ReceiverInFile', receiver, 'type', 'web', /^\/type .*webhook/],
    ['a misspelt wait', 'PolicyInFile', policy, 'groupWait', '1m', /^\/ .*\(groupWait\)/],
  ])('%s is refused', (_what, type, whole, path, value, mistake) => {
    expect(mistakes(type, changed(whole, path, value)).join('\n')).toMatch(new RegExp(mistake, 'm'));
  });
});
