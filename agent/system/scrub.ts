/** Keys whose values are secrets, wherever they stand. */
export const SECRET_KEYS = [
  'token',
  'password',
  'secret',
  'sas',
  'connectionString',
  'accountKey',
  'authorization',
  'recoveryKey',
];

/** Keys, signatures and credentials inside URLs and texts (age identities, SAS `sig=`, `user:password@`, `Token ...`, `Bearer ...`, `Basic ...`). */
export function scrub(text: string): string {
  return text
    .replace(/([?&;]?\bsig=)[^&\s"';]+/gi, '$1***')
    .replace(/\bAGE-SECRET-KEY-\w*/gi, 'AGE-SECRET-KEY-***')
    .replace(/(AccountKey=)[^;\s"']+/gi, '$1***')
    .replace(/(:\/\/[^/\s:@"']+:)[^@\s/"']+@/g, '$1***@')
    .replace(/\b((?:Token|Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}/g, '$1***');
}
