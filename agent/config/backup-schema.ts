import { z } from 'zod';
import { address, duration, filePath, size, wholeNumber } from './fields.ts';
import { parseServerUrl } from './scalars.ts';

const RECIPIENT_HINT = 'write a public key of age (age1...); energy-monitor backup keygen makes one';
const recipient = z.string({ error: RECIPIENT_HINT }).regex(/^age1[0-9a-z]{20,}$/, { error: RECIPIENT_HINT });

const count = wholeNumber(0, 100_000).optional();

/** What stays in a store. Where none of it is said, the store's kind decides. */
const retention = {
  keepLast: count,
  keepHourly: count,
  keepDaily: count,
  keepWeekly: count,
  keepMonthly: count,
  keepWithin: duration(0, 100 * 31_536_000_000, '7d').optional(),
};

const common = {
  name: z
    .string({ error: 'give the store a name, such as usb' })
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$/, { error: 'use letters, digits, _ - only, at most 31' })
    .optional(),
  /** Never removes anything: for a credential without that right, or against whoever takes over the Pi. */
  writeOnly: z.boolean({ error: 'write true or false' }).default(false),
  /** Bytes a second. */
  bandwidth: size(1000, '500kB').optional(),
  ...retention,
};

const directoryStore = z.strictObject({
  directory: z
    .string({ error: 'write the path of a directory, such as /mnt/usb/energy-monitor' })
    .regex(/^\//, { error: 'write an absolute path, such as /mnt/usb/energy-monitor' }),
  ...common,
});

const AZURE_HINT =
  'write the URL of a container without its SAS, such as https://ACCOUNT.blob.core.windows.net/energy-monitor';

const azureStore = z
  .strictObject({
    azure: z
      .string({ error: AZURE_HINT })
      .refine((text) => /^https?:\/\/[^/]+\/./.test(parseServerUrl(text) ?? ''), { error: AZURE_HINT })
      .transform((text) => parseServerUrl(text) ?? text),
    sasFile: filePath('/etc/energy-monitor/azure.sas').optional(),
    connectionStringFile: filePath('/etc/energy-monitor/azure.connection').optional(),
    servicePrincipal: z
      .strictObject(
        {
          tenant: z.string({ error: 'write the id of the tenant' }).min(1, { error: 'write the id of the tenant' }),
          client: z
            .string({ error: 'write the id of the application' })
            .min(1, { error: 'write the id of the application' }),
          secretFile: filePath('/etc/energy-monitor/azure.secret'),
        },
        { error: 'write a mapping with tenant, client and secretFile' },
      )
      .optional(),
    ...common,
  })
  .superRefine(({ sasFile, connectionStringFile, servicePrincipal }, context) => {
    const given = [sasFile, connectionStringFile, servicePrincipal].filter((one) => one !== undefined);
    if (given.length === 1) return;
    context.addIssue({
      code: 'custom',
      path: ['sasFile'],
      message: `name ${given.length === 0 ? 'one' : 'only one'} of sasFile, connectionStringFile, servicePrincipal`,
    });
  });

const STORES = { directory: directoryStore, azure: azureStore };
type StoreSchema = z.infer<typeof directoryStore> | z.infer<typeof azureStore>;

/** The kind of a store is named by its one key; its problems are then those of that kind alone. */
const store = z
  .looseObject({}, { error: 'write a store as a mapping with directory or azure' })
  .transform((value, context): StoreSchema => {
    const kinds = (Object.keys(STORES) as (keyof typeof STORES)[]).filter((kind) => kind in value);
    const kind = kinds[0];
    if (kind === undefined || kinds.length > 1) {
      const message =
        kind === undefined ? 'name the place by directory or azure' : 'keep one of directory, azure in each store';
      context.issues.push({ code: 'custom', message, input: value });
      return z.NEVER;
    }
    const result = STORES[kind].safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as never);
    return z.NEVER;
  });

/** A server of `influxdb` whose data are backed up beside the journal. */
const database = z.strictObject(
  {
    sink: z.string({ error: 'name a server of influxdb' }).default('influxdb'),
    /** InfluxDB 2: backups need the operator token. */
    operatorTokenFile: filePath('/etc/energy-monitor/influxdb-operator.token').optional(),
    /** InfluxDB 1.8: its own program makes the copy. */
    influxd: filePath('/usr/bin/influxd').optional(),
    /** InfluxDB 1.8: where its `bind-address` for backups listens, port 8088 of the server by default. */
    rpc: address(8088).optional(),
  },
  { error: 'write a mapping with sink' },
);

/** What `backup drill` needs where nobody stands beside it. */
const drill = z.strictObject(
  {
    /** A key that opens the backups: that of one of the recipients. */
    identityFile: filePath('/etc/energy-monitor/drill.key'),
  },
  { error: 'write a mapping with identityFile' },
);

/** Backups; without this key there are none. */
export const backup = z
  .strictObject(
    {
      recipient: z.union([recipient, z.array(recipient).min(1)], { error: RECIPIENT_HINT }).optional(),
      unencrypted: z.boolean({ error: 'write true or false' }).default(false),
      stores: z.array(store, { error: 'list at least one store' }).min(1, { error: 'list at least one store' }),
      databases: z.array(database, { error: 'list servers, each with sink' }).default([]),
      drill: drill.optional(),
    },
    { error: 'write a mapping with stores and recipient' },
  )
  .superRefine(({ recipient: given, unencrypted, stores }, context) => {
    for (const [i, one] of stores.entries()) {
      const keeps = Object.keys(retention).map((key) => one[key as keyof typeof retention]);
      if (keeps.some((value) => value !== undefined) && keeps.every((value) => (value ?? 0) === 0)) {
        context.addIssue({ code: 'custom', path: ['stores', i, 'keepLast'], message: 'keep at least one backup' });
      }
    }
    if ((given === undefined) === unencrypted) return;
    context.addIssue({
      code: 'custom',
      path: ['recipient'],
      message:
        given === undefined
          ? 'write the public key that energy-monitor backup keygen gave you, or unencrypted: true'
          : 'write either recipient or unencrypted: true, not both',
    });
  });

export type BackupConfig = z.infer<typeof backup>;
export type StoreConfig = BackupConfig['stores'][number];
export type AzureStoreConfig = Extract<StoreConfig, { azure: string }>;
export type DatabaseConfig = BackupConfig['databases'][number];

/** Keys that may stand at a path below `backup`. */
export function backupKeysAt(at: readonly PropertyKey[]): string[] {
  if (at.length === 0) return Object.keys(backup.shape);
  if (at.length === 3) return at[0] === 'stores' ? Object.keys(azureStore.shape.servicePrincipal.unwrap().shape) : [];
  if (at[0] === 'databases') return Object.keys(database.shape);
  if (at[0] === 'drill') return Object.keys(drill.shape);
  return at[0] === 'stores' ? Object.values(STORES).flatMap((kind) => Object.keys(kind.shape)) : [];
}
