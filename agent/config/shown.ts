import { SECRET_KEYS, scrub } from '../system/scrub.ts';

const LONGEST = 60;

/** Also `tokenFile` and the like: a secret is easily written into the wrong one of two neighbours. */
const SECRET_KEY = new RegExp(SECRET_KEYS.join('|'), 'i');
/** `token:abc` without its space is no key to YAML but a part of a text. */
const SECRET_IN_TEXT = new RegExp(`((?:${SECRET_KEYS.join('|')})\\w*\\s*[:=]\\s*)\\S+`, 'gi');

/** `is 7`, as a message says what stands at a path: never a secret. */
export function shownValue(path: readonly PropertyKey[], value: unknown): string {
  if (value === undefined) return 'is missing';
  if (value === '' || value === null) return 'is empty';
  if (path.some((key) => SECRET_KEY.test(String(key)))) return `is ${kindOf(value)}, not shown here`;
  // .nan and .inf of YAML are no JSON.
  const text = typeof value === 'number' ? String(value) : JSON.stringify(withoutSecrets(value));
  return `is ${text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text}`;
}

/** A text without what may be secret in it: user and password before an @, a query, what follows `token:`. */
export function shownText(text: string): string {
  return scrub(text.replace(SECRET_IN_TEXT, '$1***'))
    .replace(/^(.*?:\/\/)?.*@/s, '$1***@')
    .replace(/([?#]).+/s, '$1***');
}

function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return shownText(value);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [shownText(key), SECRET_KEY.test(key) ? '***' : withoutSecrets(one)]),
  );
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}
