import { readFileSync } from 'node:fs';
import { withoutSecrets } from '../../config/redacted.ts';
import type { BackupSource, SourceFile } from '../source.ts';

/** The configuration as it is written, comments and all, with *** for each secret: `config/config.yaml`. */
export class ConfigurationSource implements BackupSource {
  readonly name = 'config';
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  *files(): Generator<SourceFile> {
    const text = withoutSecrets(readFileSync(this.#path, 'utf8'));
    yield { path: `${this.name}/config.yaml`, content: [Buffer.from(text)] };
  }
}
