import { closest, distance } from 'fastest-levenshtein';

/** The known word that was probably meant, if one is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const candidate = closest(word, known);
  return distance(word, candidate) <= Math.max(2, word.length / 3) ? candidate : undefined;
}

/** What to write instead of a key that is none. */
export function keySuggestion(key: string, known: readonly string[]): string {
  if (known.length === 0) return 'remove it';
  return meantOr(`known here are ${known.join(', ')}`, key, known);
}

/** What to write instead of a value that is none of the known ones. */
export function meantOr(otherwise: string, input: unknown, known: readonly string[]): string {
  const meant = typeof input === 'string' ? nearest(input, known) : undefined;
  return meant === undefined ? otherwise : `did you mean ${meant}?`;
}
