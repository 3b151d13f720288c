/** A line or record that cannot be a reading, with the reason in a few words. It is counted; the others go on. */
export class BadRecord extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BadRecord';
  }
}

/** What was found, short enough for a message, without control characters. */
export function shown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  const printable = text.replace(/[\u0000-\u001f\u007f]/g, '?');
  return `"${printable.length > 40 ? `${printable.slice(0, 37)}...` : printable}"`;
}
