import { z } from 'zod';
import type { MeterModel } from '../meters/model.ts';
import { MODEL_NAMES } from '../meters/model-names.ts';
import { isZone } from '../system/zone.ts';
import { backup, backupKeysAt } from './backup-schema.ts';
import { address, duration, filePath, oneOf, size, wholeNumber } from './fields.ts';
import { isTablePath, MODEL_HINT } from './models.ts';
import { BAUD_RATES, parseServerUrl, SERVER_URL_HINT } from './scalars.ts';
import { DEFAULT_STATE_DIR } from './state-dir.ts';
import { meantOr } from './suggestion.ts';
import { web } from './web-schema.ts';

export const DEFAULT_PORTS = { tcp: 502, rtuOverTcp: 4001 } as const;

/** What is not said is as the model leaves the factory. */
const lineSettings = {
  baudRate: oneOf(BAUD_RATES).optional(),
  parity: oneOf(['none', 'even', 'odd']).optional(),
  dataBits: oneOf([7, 8]).optional(),
  stopBits: oneOf([1, 2]).optional(),
};

/** How long a meter may take to begin its answer, beyond the time on the wire. */
const responseTimeout = duration(20, 10_000, '20ms to 10s').optional();

const path = z.string({ error: 'write the path of the port, such as /dev/ttyUSB0' });

const serialConnection = z.strictObject({
  serial: path.regex(/^\//, { error: 'write an absolute path, such as /dev/ttyUSB0' }),
  ...lineSettings,
  responseTimeout,
});
const tcpConnection = z.strictObject({ tcp: address(DEFAULT_PORTS.tcp), responseTimeout });
const rtuOverTcpConnection = z.strictObject({
  rtuOverTcp: address(DEFAULT_PORTS.rtuOverTcp),
  ...lineSettings,
  responseTimeout,
});

const CONNECTIONS = { serial: serialConnection, tcp: tcpConnection, rtuOverTcp: rtuOverTcpConnection };

/** The kind of a connection is named by its one key; its problems are then those of that kind alone. */
const connection = z
  .looseObject({}, { error: 'write the connection as serial: /dev/ttyUSB0, tcp: host:502 or rtuOverTcp: host:4001' })
  .transform(
    (
      value,
      context,
    ): z.infer<typeof serialConnection> | z.infer<typeof tcpConnection> | z.infer<typeof rtuOverTcpConnection> => {
      const kinds = (Object.keys(CONNECTIONS) as (keyof typeof CONNECTIONS)[]).filter((kind) => kind in value);
      const kind = kinds[0];
      if (kind === undefined || kinds.length > 1) {
        const message =
          kind === undefined
            ? 'name the connection by one of serial, tcp, rtuOverTcp'
            : `keep one of ${kinds.join(', ')}`;
        context.issues.push({ code: 'custom', message, input: value });
        return z.NEVER;
      }
      const result = CONNECTIONS[kind].safeParse(value);
      if (result.success) return result.data;
      for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as never);
      return z.NEVER;
    },
  );

export const DEFAULT_INTERVAL_MS = 1000;

const meter = z.strictObject(
  {
    name: z
      .string({ error: 'give the meter a name, such as house' })
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, { error: 'use letters, digits, _ . - only, at most 63' }),
    model: z
      .string({ error: MODEL_HINT })
      .refine((text) => isTablePath(text) || (MODEL_NAMES as readonly string[]).includes(text), {
        error: ({ input }) => meantOr(MODEL_HINT, input, MODEL_NAMES),
      }),
    connection,
    unit: wholeNumber(1, 247).optional(),
    interval: duration(100, 3_600_000, '100ms to 1h').default(DEFAULT_INTERVAL_MS),
    intervals: z
      .record(z.string(), duration(100, 86_400_000, '1s to 1d'), {
        error: 'write intervals of quantities that are read less often, such as {energy: 10s}',
      })
      .default({}),
    /** Once a day the meter's clock is set where it has drifted. */
    clockSync: z.literal('daily', { error: 'write daily, or leave it out' }).optional(),
  },
  { error: 'write the meter as a mapping with name, model and connection' },
);

const DAY_MS = 86_400_000;
const MOST_YEARS_MS = 100 * 365 * DAY_MS;

/** Readings are kept as long as a look at single seconds is likely; roll-ups tell the rest. */
const journal = z.strictObject({
  flushInterval: duration(1000, 600_000, '1s to 10m').default(10_000),
  retention: duration(3_600_000, MOST_YEARS_MS, '1h to 100y').default(30 * DAY_MS),
  maxSize: size(10e6, '500MB').default(2e9),
});

const clock = z.strictObject({
  hold: duration(0, 86_400_000, '0s to 1d').default(600_000),
});

/** Each level at least as long as the finer one: it is made of it. */
const historyRetention = z
  .strictObject({
    minute: duration(DAY_MS, MOST_YEARS_MS, '1d to 100y').default(400 * DAY_MS),
    quarter: duration(DAY_MS, MOST_YEARS_MS, '1d to 100y').optional(),
    hour: duration(365 * DAY_MS, MOST_YEARS_MS, '1y to 100y').optional(),
  })
  .superRefine(({ minute, quarter = Number.POSITIVE_INFINITY, hour = Number.POSITIVE_INFINITY }, context) => {
    const complain = (level: string, finer: string) =>
      context.addIssue({ code: 'custom', path: [level], message: `keep it at least as long as ${finer}` });
    if (quarter < minute) complain('quarter', 'minute');
    if (hour < quarter && quarter !== Number.POSITIVE_INFINITY) complain('hour', 'quarter');
    else if (hour < minute) complain('hour', 'minute');
  });

const history = z.strictObject({ retention: historyRetention.prefault({}) });

const bucketName = z
  .string({ error: 'write the name of a bucket, such as energy' })
  .min(1, { error: 'write the name of a bucket, such as energy' });

const serverUrl = z
  .string({ error: SERVER_URL_HINT })
  .refine((text) => parseServerUrl(text) !== undefined, { error: SERVER_URL_HINT });

/** Buckets where a configuration names none. */
export const DEFAULT_BUCKETS = { readings: 'energy', host: 'host' } as const;

/** A server that gets all readings: InfluxDB 2 or 1.8, InfluxDB Cloud, VictoriaMetrics. */
const sink = z.strictObject(
  {
    name: z
      .string({ error: 'give the server a name, such as influxdb' })
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, { error: 'use letters, digits, _ . - only, at most 63' })
      .default('influxdb'),
    url: serverUrl,
    org: z.string({ error: 'write the name of an organisation' }).min(1, { error: 'write a name' }).default('home'),
    bucket: bucketName.default(DEFAULT_BUCKETS.readings),
    hostBucket: bucketName.default(DEFAULT_BUCKETS.host),
    token: z
      .string({ error: 'write the token as text' })
      .min(1, { error: 'write the token, or name its file with tokenFile' })
      .optional(),
    tokenFile: filePath('/etc/energy-monitor/influxdb.token').optional(),
    caFile: filePath('/etc/ssl/certs/my-authority.pem').optional(),
    batchInterval: duration(1000, 3_600_000, '1s to 1h').default(10_000),
    batchSize: wholeNumber(1, 5000).default(1000),
    timeout: duration(1000, 600_000, '1s to 10m').default(30_000),
  },
  { error: 'write the server as a mapping with url at least' },
);

/** One server as a mapping, several as a list; problems are shown at the place where they stand. */
const influxdb = z
  .unknown()
  .transform((value, context): z.infer<typeof sink>[] => {
    if (value === undefined) return [];
    const result = Array.isArray(value) ? z.array(sink).safeParse(value) : sink.safeParse(value);
    if (result.success) return [result.data].flat();
    for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as never);
    return z.NEVER;
  })
  .optional()
  .transform((sinks) => sinks ?? []);

/** The whole configuration. */
export const configSchema = z.strictObject(
  {
    stateDir: z
      .string({ error: 'write the path of a directory, such as /var/lib/energy-monitor' })
      .regex(/^\//, { error: 'write an absolute path, such as /var/lib/energy-monitor' })
      .default(DEFAULT_STATE_DIR),
    meters: z.array(meter, { error: 'list at least one meter' }).min(1, { error: 'list at least one meter' }),
    timeZone: z
      .string({ error: 'write a zone, such as Europe/Berlin' })
      .refine(isZone, { error: 'write a zone of the IANA database, such as Europe/Berlin' })
      .optional(),
    journal: journal.prefault({}),
    clock: clock.prefault({}),
    history: history.prefault({}),
    influxdb,
    backup: backup.optional(),
    web: web.prefault({}),
  },
  { error: 'write a mapping with the key meters at least' },
);

/** As it is written, before the models of the meters say what was left out. */
export type GivenConfig = z.infer<typeof configSchema>;
export type GivenMeter = GivenConfig['meters'][number];

export interface LineSettings {
  baudRate: number;
  parity: 'none' | 'even' | 'odd';
  dataBits: 7 | 8;
  stopBits: 1 | 2;
}

export type ConnectionConfig =
  | (Omit<z.infer<typeof serialConnection>, keyof LineSettings> & LineSettings)
  | (Omit<z.infer<typeof rtuOverTcpConnection>, keyof LineSettings> & LineSettings)
  | z.infer<typeof tcpConnection>;

export interface MeterConfig extends Omit<GivenMeter, 'connection' | 'unit'> {
  unit: number;
  connection: ConnectionConfig;
  /** The register table that `model` names, where it is one of the user's. */
  table?: MeterModel;
}

export interface Config extends Omit<GivenConfig, 'meters'> {
  meters: MeterConfig[];
}

export type SinkConfig = Config['influxdb'][number];

/** Keys that may stand at a path, for naming the one that was meant. */
export function knownKeysAt(at: readonly PropertyKey[]): string[] {
  if (at.length === 0) return Object.keys(configSchema.shape);
  if (at[0] === 'journal') return Object.keys(journal.shape);
  if (at[0] === 'clock') return Object.keys(clock.shape);
  if (at[0] === 'history') return Object.keys((at.length === 1 ? history : historyRetention).shape);
  if (at[0] === 'influxdb') return Object.keys(sink.shape);
  if (at[0] === 'backup') return backupKeysAt(at.slice(1));
  if (at[0] === 'web') return at.length === 1 ? Object.keys(web.shape) : ['certificateFile', 'keyFile'];
  if (at[0] !== 'meters') return [];
  if (at.length === 2) return Object.keys(meter.shape);
  return Object.values(CONNECTIONS).flatMap((kind) => Object.keys(kind.shape));
}
