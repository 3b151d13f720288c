/** Keys whose values are secrets, wherever they stand. */
export const SECRET_KEYS = [
  'token',
  'password',
  'passwordHash',
  'secret',
  'sas',
  'connectionString',
  'accountKey',
  'authorization',
  'recoveryKey',
];

/** Also behind a line's end in JSON, whose \n ends in a letter. */
const START = '(?:\\b|(?<=\\\\[nrt]))';
/** A value ends before an escaped quote in JSON: without its backslash the rest would be none. */
const VALUE = `[^&\\s"';\\\\]+`;

const SIGNATURE = new RegExp(`([?&;]?${START}sig=)${VALUE}`, 'gi');
const AGE_KEY = /AGE-SECRET-KEY-\w*/gi;
const ACCOUNT_KEY = new RegExp(`(AccountKey=)${VALUE}`, 'gi');
/** A password may have an @ of its own. */
const USER_INFO = /(:\/\/[^/\s:@"']+:)[^\s/"']+@/g;
const AUTHORIZATION = new RegExp(`${START}((?:Token|Bearer|Basic)\\s+)[A-Za-z0-9._~+/=-]{8,}`, 'g');

/** Keys, signatures and credentials inside URLs and texts (age identities, SAS `sig=`, `user:password@`, `Token ...`, `Bearer ...`, `Basic ...`). */
export function scrub(text: string): string {
  return text
    .replace(SIGNATURE, '$1***')
    .replace(AGE_KEY, 'AGE-SECRET-KEY-***')
    .replace(ACCOUNT_KEY, '$1***')
    .replace(USER_INFO, '$1***@')
    .replace(AUTHORIZATION, '$1***');
}
