import { isAlias, isScalar, parseDocument, visit } from 'yaml';
import { SECRET_KEYS, scrub } from '../system/scrub.ts';

const SECRET_WORD = new RegExp(SECRET_KEYS.join('|'), 'i');
const SECRET_KEY = new RegExp(`^(?:${SECRET_KEYS.join('|')})$`, 'i');

/**
 * A configuration that can be handed on: each value under a secret's key is ***, and so is what looks like a secret elsewhere
 * and each comment that stands at one or speaks of one. Files that hold secrets are only named in it, which stays.
 * @param text YAML that the configuration's schema accepts
 */
export function withoutSecrets(text: string): string {
  const document = parseDocument(text);
  visit(document, {
    Pair(_, { key, value: written }) {
      // Its anchor may stand at any key.
      const value = isAlias(written) ? written.resolve(document) : written;
      if (!isScalar(key) || !SECRET_KEY.test(String(key.value)) || !isScalar(value)) return;
      value.value = '***';
      for (const one of [key, value]) {
        if (one.comment) one.comment = ' ***';
        if (one.commentBefore) one.commentBefore = ' ***';
      }
    },
    Node(_, node) {
      if (node.comment) node.comment = unlessSecret(node.comment);
      if (node.commentBefore) node.commentBefore = unlessSecret(node.commentBefore);
    },
  });
  if (document.comment) document.comment = unlessSecret(document.comment);
  if (document.commentBefore) document.commentBefore = unlessSecret(document.commentBefore);
  return scrub(document.toString());
}

/** Whatever is said of a secret may be the secret, also on the next line: all that belongs together goes. */
function unlessSecret(comment: string): string {
  return SECRET_WORD.test(comment) ? ' ***' : comment;
}
