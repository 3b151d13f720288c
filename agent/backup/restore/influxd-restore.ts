import { AgentError } from '../../system/errors.ts';
import { type InfluxdOptions, listens, runInfluxd } from '../sources/influxd-program.ts';

/** The database is there, so that none of it was made. */
export class DatabaseTaken extends AgentError {}

/**
 * `influxd restore -portable` of a directory.
 * @throws AgentError; DatabaseTaken
 */
export async function restoreFrom(
  directory: string,
  database: string,
  newDatabase: string,
  options: InfluxdOptions,
): Promise<void> {
  const { host, port } = options;
  const names = ['-db', database, ...(newDatabase === database ? [] : ['-newdb', newDatabase])];
  const args = ['restore', '-portable', '-host', `${host}:${port}`, ...names, directory];
  const { code, output } = await runInfluxd(options, args);
  if (code === 0) return;
  await listens(options);
  throw failureOf(output, newDatabase, options);
}

export const taken = (database: string, url: string) =>
  new DatabaseTaken('config', `there is a database ${database} in ${url} already`, {
    hint: `InfluxDB 1.8 adds nothing to one and renames none: restore under another name, or remove it first with DROP DATABASE "${database}"`,
  });

function failureOf(output: string, newDatabase: string, { host, port }: InfluxdOptions): AgentError {
  const where = `${host}:${port}`;
  if (/database may already exist/.test(output)) return taken(newDatabase, where);
  // An HTTP server answers, or hangs up on what it has not read to its end.
  if (/proper header tag|invalid metadata|updating metadata[^\n]*reset by peer/i.test(output)) {
    return new AgentError('config', `what answers at ${where} is not the RPC of an InfluxDB 1.x`, {
      hint: "it is bind-address in influxdb.conf, port 8088 by default, not the port of the server's url",
    });
  }
  if (/no space left on device/.test(output)) {
    return new AgentError('storage', `the disk of the InfluxDB at ${where} is full`, {
      hint: 'make room there, and run it again',
    });
  }
  const lines = output.trim().split('\n');
  const said = (lines.at(-1) ?? '').replace(/^[\d/]+ [\d:]+ |^restore: /g, '');
  return new AgentError('unavailable', `influxd restore to ${where} failed: ${said}`, {
    retryable: true,
    hint: 'see the log of the server; its disk may be full; run it again',
  });
}
