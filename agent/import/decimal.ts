const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Is it a number as line protocol and CSV write one? `Number` takes more, such as `0x10` and the empty text. */
export function isDecimal(text: string): boolean {
  return DECIMAL.test(text);
}
