import { cpus, release } from 'node:os';

/** One figure beside what was asked of it. */
export interface Row {
  figure: string;
  asked: string;
  measured: string;
  met: boolean;
}

/** What one part of the bench found. */
export interface Figures {
  title: string;
  rows: Row[];
  /** What a reader of the table has to know besides. */
  remarks?: string[];
  /** False after a shortened run, or one that lacked a server: it is shown, not kept. */
  complete: boolean;
}

/** @param q 0 to 1 @returns the value below which that share of the values lies; NaN of none */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Markdown, with the machine and the date that every figure needs. */
export function table({ title, rows, remarks = [] }: Figures, command: string): string {
  const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Linux ${release()}, Node ${process.version}`;
  return [
    `# ${title}`,
    '',
    `Measured by \`${command}\` on ${new Date().toISOString().slice(0, 10)}, ${machine}.`,
    '',
    ...remarks.flatMap((remark) => [remark, '']),
    '| figure | asked | measured | met |',
    '|---|---|---|---|',
    ...rows.map(({ figure, asked, measured, met }) => `| ${figure} | ${asked} | ${measured} | ${met ? 'yes' : 'no'} |`),
    '',
  ].join('\n');
}
