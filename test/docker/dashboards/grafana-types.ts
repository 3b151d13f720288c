import type { ContactPoint, NotificationPolicy, Query, Rule } from '@grafana/grafana-foundation-sdk/alerting';
import type * as barchart from '@grafana/grafana-foundation-sdk/barchart';
import type {
  AnnotationQuery,
  Dashboard,
  FieldConfig,
  FieldConfigSource,
  GridPos,
  Panel,
  VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { TypeReduce, TypeThreshold } from '@grafana/grafana-foundation-sdk/expr';
import type * as piechart from '@grafana/grafana-foundation-sdk/piechart';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import type * as table from '@grafana/grafana-foundation-sdk/table';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/*
 * Nothing runs this file: grafana-schema.ts makes JSON schemas of its exported types. They are the SDK's. Where the SDK says
 * `any`, leaves optional what our files need, or differs from what Grafana reads, it is said here, and nowhere else.
 */

/** The SDK has both as optional: without them Grafana takes its default source, which in another's Grafana is another. */
interface DataSource {
  type: 'influxdb';
  uid: string;
}

/** The SDK knows no InfluxDB. Of Grafana's InfluxQuery (public/app/plugins/datasource/influxdb/types.ts) what a query in Flux has. */
interface InfluxQuery {
  refId: string;
  datasource: DataSource;
  query: string;
}

/** Open in the SDK, which has `{id: string, options?: any}`; these take a text. */
interface Matcher {
  id: 'byName' | 'byRegexp' | 'byType' | 'byFrameRefID';
  options: string;
}

interface Named<Id, Value> {
  id: Id;
  value: Value;
}

type FieldKey = Exclude<keyof FieldConfig, 'custom'>;
type CustomKey<Custom> = Extract<keyof Custom, string>;

/** Any setting of a field under its own name; the SDK has `{id: string, value?: any}`. */
type SettingOrNone<Custom> =
  | { [Key in FieldKey]: Named<Key, Exclude<FieldConfig[Key], undefined>> }[FieldKey]
  | {
      [Key in CustomKey<Custom>]: Named<`custom.${Key}`, Exclude<Custom[Key], undefined>>;
    }[CustomKey<Custom>];

/** @discriminator id */
type Setting<Custom> = Exclude<SettingOrNone<Custom>, undefined>;

/**
 * `options` and `custom` are `any` in the SDK's panel, which does not know its type. `transformations` has options of any kind: it
 * is left out until a panel needs one.
 */
type PanelOf<Type, Options, Custom> = Omit<
  Panel,
  'type' | 'id' | 'title' | 'gridPos' | 'datasource' | 'targets' | 'transformations' | 'options' | 'fieldConfig'
> & {
  type: Type;
  id: number;
  title: string;
  gridPos: GridPos;
  datasource: DataSource;
  targets: InfluxQuery[];
  options: Options;
  fieldConfig: {
    defaults: Omit<FieldConfig, 'custom'> & { custom?: Custom };
    overrides: (Omit<FieldConfigSource['overrides'][number], 'matcher' | 'properties'> & {
      matcher: Matcher;
      properties: Setting<Custom>[];
    })[];
  };
};

/** The SDK has no FieldConfig for stat: its fields have no settings of their own. */
type Nothing = Record<never, never>;

/** @discriminator type */
type AnyPanel =
  | PanelOf<'stat', stat.Options, Nothing>
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'barchart', barchart.Options, barchart.FieldConfig>
  | PanelOf<'piechart', piechart.Options, piechart.FieldConfig>
  | PanelOf<'table', table.Options, table.FieldConfig>
  | PanelOf<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>;

/** The query of a variable is a text for InfluxDB; the SDK allows any object too. */
type Variable = Omit<VariableModel, 'query' | 'datasource'> & { query: string; datasource?: DataSource };

/** A target is required: without one Grafana asks the source for nothing. */
type Annotation = Omit<AnnotationQuery, 'target' | 'datasource'> & { target: InfluxQuery; datasource: DataSource };

/** A file of docker/grafana/dashboards. A snapshot holds a dashboard again, and is not for files. */
export type DashboardFile = Omit<Dashboard, 'uid' | 'title' | 'panels' | 'templating' | 'annotations' | 'snapshot'> & {
  uid: string;
  title: string;
  panels: AnyPanel[];
  templating: { list: Variable[] };
  annotations: { list: Annotation[] };
};

/** A rule has a model for each step. What the SDK has of expressions also has a method, which no file has. */
type Model =
  | { refId: string; query: string; intervalMs: number; maxDataPoints: number }
  | (Pick<TypeReduce, 'type' | 'expression' | 'reducer' | 'settings'> & Expression)
  | (Pick<TypeThreshold, 'type' | 'expression'> & Expression & { conditions: Condition[] });

interface Expression {
  refId: string;
  datasource: { type: '__expr__'; uid: '__expr__' };
}

/** Its `loadedDimensions` are `any`, and Grafana's own: it keeps them from one evaluation to the next. */
type Condition = Omit<TypeThreshold['conditions'][number], 'loadedDimensions'>;

/**
 * A rule of docker/grafana/provisioning: of the API's, which the SDK has, what a file has under the same name
 * (grafana/pkg/services/provisioning/alerting/rules_types.go). Its group is another in the file than in the API.
 */
export type RuleInFile = Pick<
  Rule,
  'title' | 'condition' | 'for' | 'noDataState' | 'execErrState' | 'isPaused' | 'annotations' | 'labels'
> & {
  uid: string;
  data: (Omit<Query, 'refId' | 'model' | 'datasourceUid'> & { refId: string; model: Model; datasourceUid: string })[];
};

/** Likewise (contact_point_types.go). The SDK's settings are `any`; ours are texts. */
export type ReceiverInFile = Pick<ContactPoint, 'type' | 'disableResolveMessage'> & {
  uid: string;
  settings: Record<string, string>;
};

/** Grafana reads the API's policy from a file, with the organization beside it (notification_policy_types.go). */
export type PolicyInFile = Omit<NotificationPolicy, 'provenance' | 'receiver' | 'routes'> & {
  orgId: number;
  receiver: string;
};
