/** A string literal of Flux: its specials are named as JavaScript's, besides `${`, which would begin an interpolation. */
export const fluxString = (text: string): string => JSON.stringify(text).replaceAll('$', '\\x24');
