import { withoutSecrets } from '../../config/redacted.ts';
import type { BackupSource, SourceFile } from '../source.ts';

/** The configuration as it is written, comments and all, with *** for each secret: `config/config.yaml`. */
export class ConfigurationSource implements BackupSource {
  readonly name = 'config';
  readonly #text: string;

  /** @param text as it was read when this run began: a file may be read once only (a pipe), or change */
  constructor(text: string) {
    this.#text = text;
  }

  *files(): Generator<SourceFile> {
    yield { path: `${this.name}/config.yaml`, content: [Buffer.from(withoutSecrets(this.#text))] };
  }
}
