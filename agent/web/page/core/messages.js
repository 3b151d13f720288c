// @ts-check
import { EN } from './messages-en.js';

/** By language; a table that lacks a text falls back to English. @type {Record<string, Partial<typeof EN>>} */
const TABLES = { en: EN };

const wanted = navigator.languages.find((tag) => (tag.split('-')[0] ?? '') in TABLES) ?? 'en';

/** Numbers and dates as in the language of the text, and as this country writes them. */
export const LOCALE = wanted === 'en' ? 'en-GB' : wanted;

const table = TABLES[wanted.split('-')[0] ?? 'en'] ?? EN;
const plurals = new Intl.PluralRules(LOCALE);

/** @typedef {keyof typeof EN} Key */

/**
 * A text with `{name}` replaced. A text that exists as `key.one` and `key.other` is chosen by `n`.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = table[key] ?? EN[key];
  return text.replaceAll(/\{(\w+)\}/g, (_all, name) => String(values[name] ?? ''));
}

/**
 * @param {'problems' | 'gaps-more' | 'days-whole' | 'months-whole' | 'breaks'} key
 * @param {number} n
 * @param {Record<string, string | number>} [values]
 */
export function tn(key, n, values = {}) {
  const form = plurals.select(n) === 'one' ? 'one' : 'other';
  return t(/** @type {Key} */ (`${key}.${form}`), { n, ...values });
}

/**
 * The text of a name that programs use, such as a cause; the name itself where there is none.
 * @param {string} prefix
 * @param {string} name
 */
export function named(prefix, name) {
  const key = `${prefix}.${name}`;
  return key in EN ? t(/** @type {Key} */ (key)) : name.replaceAll('_', ' ');
}
