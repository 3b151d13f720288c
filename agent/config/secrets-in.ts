import { isAlias, isScalar, parseDocument, visit } from 'yaml';
import { SECRET_KEYS } from '../system/scrub.ts';

const SECRET_KEY = new RegExp(`^(?:${SECRET_KEYS.join('|')})$`, 'i');
/** caFile holds what everybody may see. */
const SECRET_FILE_KEY = /^(?!ca)\w+File$/i;

/** What a configuration says of secrets, also one with mistakes, so that they can be looked for elsewhere. */
export interface NamedSecrets {
  /** Those that stand in it. */
  values: string[];
  /** Paths, or names of credentials, of those that do not. */
  files: string[];
}

/** @param text YAML; of what is none as much as can be read */
export function secretsIn(text: string): NamedSecrets {
  const found: NamedSecrets = { values: [], files: [] };
  const document = parseDocument(text);
  visit(document, {
    Pair(_, { key, value: written }) {
      // Its anchor may stand at any key.
      const value = isAlias(written) ? written.resolve(document) : written;
      if (!isScalar(key) || !isScalar(value)) return;
      const name = String(key.value);
      if (SECRET_KEY.test(name)) found.values.push(String(value.value));
      else if (SECRET_FILE_KEY.test(name)) found.files.push(String(value.value));
    },
  });
  return found;
}
