import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

/** Characters of a column of 24, lines of a row. */
const WIDE = 4;
const HIGH = 0.75;

const KINDS: Readonly<Record<string, string>> = {
  stat: '12.3',
  timeseries: '__/\\_/\\__',
  barchart: '| || |||',
  piechart: '(  )',
  table: '= = =',
  'state-timeline': '[==][=]',
};

/** A dashboard as boxes of text, where its panels are on a wide screen. */
export function preview({ panels = [] }: Dashboard): string {
  const lines: string[][] = [];
  const put = (x: number, y: number, text: string) => {
    const line = lines[y] ?? [];
    lines[y] = line;
    for (const [n, letter] of [...text].entries()) line[x + n] = letter;
  };
  for (const panel of panels) {
    if (!('gridPos' in panel) || !panel.gridPos) continue;
    const { x, y, w, h } = panel.gridPos;
    const [left, top, bottom, width] = [x * WIDE, Math.round(y * HIGH), Math.round((y + h) * HIGH) - 1, w * WIDE];
    const room = width - 5;
    const title = panel.title ?? '';
    const shown = title.length > room ? `${title.slice(0, room - 1)}…` : title;
    put(left, top, `┌ ${shown} ${'─'.repeat(width - 4 - shown.length)}┐`);
    for (let line = top + 1; line < bottom; line++) put(left, line, `│${' '.repeat(width - 2)}│`);
    put(left, bottom, `└${'─'.repeat(width - 2)}┘`);
    const kind = KINDS[panel.type] ?? '';
    put(left + Math.floor((width - kind.length) / 2), Math.floor((top + bottom) / 2), kind);
  }
  return lines
    .map((line) =>
      Array.from(line, (letter) => letter ?? ' ')
        .join('')
        .trimEnd(),
    )
    .join('\n');
}
