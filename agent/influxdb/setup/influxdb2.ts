import { bucket } from './buckets.ts';
import { mapping } from './dbrp.ts';
import { taskScripts } from './downsampling.ts';
import { Access, firstSetup, operatorToken } from './first-setup.ts';
import type { Home } from './home.ts';
import type { SetupOptions } from './options.ts';
import { organisation } from './organisation.ts';
import { bucketPlans, rollupBuckets } from './plan.ts';
import type { Step } from './step.ts';
import { task } from './tasks.ts';
import { token } from './tokens.ts';

/** Everything that InfluxDB 2.x needs, in the order in which it is made. */
export function influxdb2Steps(options: SetupOptions): Step[] {
  const access = new Access(options);
  const home: Home = { access, orgId: undefined, buckets: new Map() };
  const plans = bucketPlans(options);
  const names = plans.map(({ name }) => name);
  const { bucket: raw, hostBucket, files } = options;
  return [
    firstSetup(options, access),
    operatorToken(options, access),
    organisation(home, options.org),
    ...plans.map((plan) => bucket(home, plan)),
    token(home, options, { what: 'writer', file: files.writer, write: [...new Set([raw, hostBucket])], read: [] }),
    token(home, options, { what: 'reader', file: files.reader, write: [], read: [...new Set(names)] }),
    ...taskScripts({ raw, ...rollupBuckets(raw) }).map((script) => task(home, script)),
    ...names.map((name) => mapping(home, name)),
  ];
}
