import { dirname } from 'node:path';
import { AgentError } from '../../system/errors.ts';
import { prepareDirectory, readPrivateFile } from '../../system/private-file.ts';
import { InfluxClient } from '../client.ts';
import { influxdb1Steps } from './influxdb1.ts';
import { influxdb2Steps } from './influxdb2.ts';
import type { SetupOptions } from './options.ts';
import { recogniseServer } from './server-kind.ts';
import { type Summary, takeSteps } from './step.ts';

/**
 * Brings a server to what the agent needs, from whatever state it is in.
 * @throws AgentError; what was done until then stays, and the next run goes on
 */
export async function setUpServer(options: SetupOptions): Promise<void> {
  const { address, dryRun, print, timeoutMs } = options;
  const { kind, label } = await recogniseServer(new InfluxClient({ ...address, token: undefined }), timeoutMs);
  print(`server: ${label} at ${address.url}`);
  if (kind === 'victoriametrics') {
    print('VictoriaMetrics needs no setup: it takes readings as they come, without token, organisation or buckets');
    print(snippet(options, false));
    return;
  }
  if (!dryRun) for (const directory of directoriesToWrite(options)) prepareDirectory(directory);

  const { steps, needsToken } =
    kind === 'influxdb2' ? { steps: influxdb2Steps(options), needsToken: true } : await influxdb1Steps(options);
  const summary = await takeSteps(steps, dryRun, print);
  print(ending(summary, steps.length, dryRun));
  if (summary.wrong > 0) {
    throw new AgentError('config', `${summary.wrong} of ${steps.length} items need you; see the lines above`, {
      hint: 'run it again afterwards',
    });
  }
  if (!dryRun) print(snippet(options, needsToken));
}

/** A secret that cannot be kept must not be made: all places are tried before the server is changed. */
function directoriesToWrite({ files, replace }: SetupOptions): Set<string> {
  const { operator, adminPassword, writer, reader } = files;
  const missing = (file: string) => readPrivateFile(file) === undefined;
  const toWrite = [
    ...(missing(operator) ? [operator, adminPassword] : []),
    ...[writer, reader].filter((file) => replace || missing(file)),
  ];
  return new Set(toWrite.map((file) => dirname(file)));
}

function ending({ changed, wrong }: Summary, count: number, dryRun: boolean): string {
  if (changed === 0 && wrong === 0) return `nothing to do: all ${count} items are there`;
  if (changed === 0) return `${count - wrong} of ${count} items are there`;
  return dryRun ? `${changed} of ${count} items would be changed; nothing was` : `${changed} of ${count} items changed`;
}

/** The entry of the configuration, without secrets. */
function snippet({ address, org, bucket, hostBucket, files }: SetupOptions, needsToken: boolean): string {
  return [
    'the configuration needs:',
    '  influxdb:',
    `    url: ${address.url}`,
    `    org: ${JSON.stringify(org)}`,
    `    bucket: ${JSON.stringify(bucket)}`,
    `    hostBucket: ${JSON.stringify(hostBucket)}`,
    ...(needsToken ? [`    tokenFile: ${files.writer}`] : []),
  ].join('\n');
}
