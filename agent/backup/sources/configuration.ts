import { withoutSecrets } from '../../config/redacted.ts';
import { scrub } from '../../system/scrub.ts';
import type { BackupSource, SourceFile } from '../source.ts';

export const CONFIG = 'config/config.yaml';
/** Register tables by their paths below the configuration's directory. */
export const TABLES = 'config/tables/';

/**
 * The configuration as it is written, comments and all, with *** for each secret: `config/config.yaml`; and the register
 * tables that it names below its directory: `config/tables/PATH`.
 */
export class ConfigurationSource implements BackupSource {
  readonly name = 'config';
  readonly #text: string;
  readonly #tables: ReadonlyMap<string, string>;

  /**
   * @param text as it was read when this run began: a file may be read once only (a pipe), or change
   * @param tables texts by their paths below the configuration's directory
   */
  constructor(text: string, tables: ReadonlyMap<string, string> = new Map()) {
    this.#text = text;
    this.#tables = tables;
  }

  *files(): Generator<SourceFile> {
    yield { path: CONFIG, content: [Buffer.from(withoutSecrets(this.#text))] };
    for (const [path, text] of this.#tables) {
      yield { path: `${TABLES}${path}`, content: [Buffer.from(scrub(text))] };
    }
  }
}
