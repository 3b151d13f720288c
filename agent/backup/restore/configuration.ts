import { chownSync, existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TABLE_BYTES } from '../../config/table.ts';
import { pathBelow, tablesNamed } from '../../config/table-files.ts';
import { heirIn } from '../../system/owner.ts';
import { writePrivateFile } from '../../system/private-file.ts';
import { DamagedContent, type SnapshotReader } from '../snapshot-reader.ts';
import { CONFIG, TABLES } from '../sources/configuration.ts';

/** The configuration of a backup, and the register tables that it names below its directory. */
export interface KeptConfiguration {
  text: string;
  /** Their texts by the files that they are to be. */
  tables: ReadonlyMap<string, string>;
}

export interface ConfigurationReport {
  path: string;
  /** Keys where *** stands. */
  secrets: string[];
  /** Register tables that were written. */
  tables: string[];
}

/**
 * @param configFile where the configuration is to stand; undefined: it is only looked at
 * @param lost gets a sentence for all that is left out
 * @returns undefined where the backup has none
 * @throws AgentError when it is damaged, unless that is to be left out
 */
export async function configurationIn(
  snapshot: SnapshotReader,
  { configFile, skipDamaged }: { configFile: string | undefined; skipDamaged?: boolean | undefined },
  lost: string[],
): Promise<KeptConfiguration | undefined> {
  const read = async (path: string): Promise<string | undefined> => {
    const file = snapshot.file(path);
    try {
      return file && (await snapshot.whole(file)).toString();
    } catch (error) {
      if (!skipDamaged || !(error instanceof DamagedContent)) throw error;
      lost.push(error.message);
      return undefined;
    }
  };
  const text = await read(CONFIG);
  if (text === undefined) return undefined;
  const tables = new Map<string, string>();
  // Only what the configuration names: whatever else a backup may hold is not written.
  for (const { file, inside } of configFile === undefined ? [] : tablesNamed(text, configFile)) {
    const path = `${TABLES}${inside}`;
    if (inside === undefined || (snapshot.file(path)?.bytes ?? 0) > TABLE_BYTES) continue;
    const table = await read(path);
    if (table !== undefined) tables.set(file, table);
  }
  return { text, tables };
}

/**
 * Writes the configuration, its tables first, so that it never names one that is still to come. Secrets are not in a backup:
 * what is *** has to be written anew.
 * @returns undefined where there is a configuration: it stays
 */
export function restoreConfiguration(
  { text, tables }: KeptConfiguration,
  path: string,
  stateDir: string,
): ConfigurationReport | undefined {
  if (existsSync(path)) return undefined;
  const directory = resolve(dirname(path));
  mkdirSync(directory, { recursive: true });
  const write = (file: string, content: string) => {
    writePrivateFile(file, content.trimEnd());
    // Who runs the agent has to read it.
    const owner = heirIn(stateDir);
    if (owner) chownSync(file, owner.uid, owner.gid);
  };
  const written = [...tables.keys()].filter((file) => file !== resolve(path) && isFree(directory, file));
  for (const file of written) {
    mkdirSync(dirname(file), { recursive: true });
    write(file, tables.get(file) ?? '');
  }
  write(path, text);
  const secrets = [...text.matchAll(/(\w+): "?\*\*\*"?/g)].flatMap(([, key]) => key ?? []);
  return { path, secrets, tables: written };
}

/** Nothing is there, and no link on the way leads out of the directory. */
function isFree(directory: string, file: string): boolean {
  if (lstatSync(file, { throwIfNoEntry: false })) return false;
  let above = dirname(file);
  while (!lstatSync(above, { throwIfNoEntry: false })) above = dirname(above);
  if (!existsSync(above)) return false;
  const [root, real] = [realpathSync(directory), realpathSync(above)];
  return real === root || pathBelow(root, real) !== undefined;
}
