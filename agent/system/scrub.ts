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

/** Signatures and credentials inside URLs and texts (SAS `sig=`, `user:password@`, `Token ...`, `Bearer ...`). */
export function scrub(text: string): string {
  return text
    .replace(/([?&;]?\bsig=)[^&\s"';]+/gi, '$1***')
    .replace(/(AccountKey=)[^;\s"']+/gi, '$1***')
    .replace(/(:\/\/[^/\s:@"']+:)[^@\s/"']+@/g, '$1***@')
    .replace(/\b((?:Token|Bearer)\s+)[A-Za-z0-9._~+/=-]{8,}/g, '$1***');
}
