import { goodPercent, lineHealth, type Snapshot, timeNote } from './snapshot.ts';

const BARS = '▁▂▃▄▅▆▇█';
const HISTORY = 60;
const ERASE_TO_END = '\x1b[J';

/** Colours, unless the person asked for none (no-color.org). */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

export function styleFor(colours: boolean): Style {
  const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { bold: paint(1), dim: paint(2), good: paint(32), bad: paint(31) };
}

/** A panel of some lines that is drawn over itself each second. */
export class Panel {
  readonly #style: Style;
  readonly #powers: (number | undefined)[] = [];
  #drawnLines = 0;

  constructor(style: Style) {
    this.#style = style;
  }

  /** The bytes that draw the panel over the one before. Lines are cut at `columns`, so that none wraps. */
  draw(snapshot: Snapshot, columns: number): string {
    this.#powers.push(snapshot.values?.active_power);
    if (this.#powers.length > HISTORY) this.#powers.shift();
    const lines = this.#lines(snapshot, columns);
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A\r` : '';
    this.#drawnLines = lines.length;
    return `${up}${ERASE_TO_END}${lines.map((line) => `${line}\n`).join('')}`;
  }

  #lines(snapshot: Snapshot, columns: number): string[] {
    const { bold, dim, good, bad } = this.#style;
    const cut = (text: string) => (text.length > columns - 1 ? `${text.slice(0, columns - 2)}…` : text);
    const { values, gap } = snapshot;
    const clock = new Date(snapshot.timeMs).toTimeString().slice(0, 8);
    const show = (name: string, decimals: number, unit: string) =>
      `${values?.[name]?.toFixed(decimals) ?? '-'} ${unit}`.trimEnd();
    const health = lineHealth(snapshot);
    const samples = `${snapshot.good} good of ${snapshot.good + snapshot.missed}  (${goodPercent(snapshot)} %)`;
    const lines = [
      cut([`energy-monitor  ${clock}`, timeNote(snapshot), snapshot.title].filter((text) => text !== '').join('  ')),
      '',
      `  ${bold(cut(show('active_power', 0, 'W').padEnd(12)))}${dim(cut(this.#sparkline().slice(-(columns - 18))))}`,
      cut(
        `  ${show('voltage', 1, 'V')}   ${show('current', 2, 'A')}   ${show('frequency', 2, 'Hz')}   PF ${show('power_factor', 3, '')}`,
      ),
      cut(
        `  ${show('active_energy', 2, 'kWh')}   T1 ${show('active_energy_t1', 2, '')}  T2 ${show('active_energy_t2', 2, '')}  T3 ${show('active_energy_t3', 2, '')}  T4 ${show('active_energy_t4', 2, '')}`,
      ),
      '',
      `  samples  ${(snapshot.missed === 0 ? good : bad)(cut(samples))}`,
      `  line     ${(health === 'line ok' ? good : bad)(cut(health.replace(/^line:? /, '')))}`,
      dim(cut(`  journal  ${snapshot.stateDir}`)),
      gap && !values ? `  ${bad(cut(`gap: ${gap.message}`))}` : '',
      gap && !values && snapshot.hint ? cut(`  ${snapshot.hint}`) : dim('  Ctrl-C ends'),
    ];
    return lines;
  }

  /** The last minute of power between its least and its most; a gap is a blank. */
  #sparkline(): string {
    const known = this.#powers.filter((power) => power !== undefined);
    const least = Math.min(...known);
    const span = Math.max(...known) - least;
    return this.#powers
      .map((power) =>
        power === undefined
          ? ' '
          : (BARS[span === 0 ? 0 : Math.round(((power - least) / span) * (BARS.length - 1))] ?? ' '),
      )
      .join('');
  }
}
