import { isDecimal } from './decimal.ts';

/**
 * The cells of one record (RFC 4180): a cell in quotes may hold delimiters, line ends and doubled quotes.
 * @returns undefined when a quote is not closed, or stands where none may
 */
export function splitCsv(record: string, delimiter: string): string[] | undefined {
  if (!record.includes('"')) return record.split(delimiter);
  const cells: string[] = [];
  for (let at = 0; ; ) {
    if (record[at] !== '"') {
      const end = record.indexOf(delimiter, at);
      const cell = record.slice(at, end < 0 ? record.length : end);
      if (cell.includes('"')) return undefined;
      cells.push(cell);
      if (end < 0) return cells;
      at = end + 1;
      continue;
    }
    const end = closingQuote(record, at);
    if (end < 0) return undefined;
    cells.push(record.slice(at + 1, end).replaceAll('""', '"'));
    if (end + 1 === record.length) return cells;
    if (record[end + 1] !== delimiter) return undefined;
    at = end + 2;
  }
}

function closingQuote(record: string, open: number): number {
  let at = record.indexOf('"', open + 1);
  while (at >= 0 && record[at + 1] === '"') at = record.indexOf('"', at + 2);
  return at;
}

/** Does the record end within quotes? Then the next line belongs to it. */
export function endsInQuotes(record: string): boolean {
  let quotes = 0;
  for (let at = record.indexOf('"'); at >= 0; at = record.indexOf('"', at + 1)) quotes++;
  return quotes % 2 === 1;
}

/** The delimiter that divides a header into the most cells. */
export function delimiterOf(header: string): string {
  const count = (delimiter: string) => splitCsv(header, delimiter)?.length ?? 0;
  return [',', ';', '\t'].reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

/** @param delimiter with `;` or a tab, a single comma in a number is a decimal comma. @returns NaN for what is no number */
export function numberOf(cell: string, delimiter: string): number {
  const text = cell.trim();
  const decimal = delimiter === ',' ? text : text.replace(/^([^.,]*),([^.,]*)$/, '$1.$2');
  return isDecimal(decimal) ? Number(decimal) : Number.NaN;
}
