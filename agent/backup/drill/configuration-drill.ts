import { ConfigError } from '../../config/config-error.ts';
import { parseConfig } from '../../config/load.ts';
import { parseTable } from '../../config/table.ts';
import { tablesNamed } from '../../config/table-files.ts';
import { AgentError, messageOf } from '../../system/errors.ts';
import type { SnapshotReader } from '../snapshot-reader.ts';
import { CONFIG, TABLES } from '../sources/configuration.ts';
import type { DrillPart } from './part.ts';

/** A new machine begins with the configuration and its register tables: this version has to take them. */
export async function drillConfiguration(snapshot: SnapshotReader): Promise<DrillPart> {
  const part: DrillPart = { name: 'config', done: 'read, and valid', problems: [] };
  const tryTo = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      part.problems.push(messageOf(error));
    }
  };
  const textOf = async (path: string) => {
    const file = snapshot.file(path);
    return file && (await snapshot.whole(file)).toString();
  };
  const tryTable = async (path: string) => {
    const table = await textOf(`${TABLES}${path}`);
    if (table === undefined) {
      part.problems.push(`the backup has no register table ${path}, which its configuration names`);
      return;
    }
    const { problems } = parseTable(table);
    if (problems) throw new ConfigError(path, problems);
  };
  await tryTo(async () => {
    const text = await textOf(CONFIG);
    if (text === undefined) return void part.problems.push('the backup has no configuration');
    parseConfig(text, CONFIG, { tables: 'skip' });
    // Which directory an absolute path lay in is not known here.
    for (const { inside } of tablesNamed(text, CONFIG)) if (inside !== undefined) await tryTo(() => tryTable(inside));
  });
  return part.problems.length > 0 ? { ...part, done: 'not good for a new machine' } : part;
}
