import type { Values } from '../readings/reading.ts';
import { hasPhases } from '../readings/shown.ts';
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

type Show = (name: string, decimals: number, unit: string) => string;

const shower =
  (values: Values | undefined): Show =>
  (name, decimals, unit) =>
    `${values?.[name]?.toFixed(decimals) ?? '-'} ${unit}`.trimEnd();

/** A panel of some lines that is drawn over itself each second. */
export class Panel {
  readonly #style: Style;
  readonly #powers: (number | undefined)[] = [];
  #drawnLines = 0;
  /** As the meter has shown itself: a gap changes nothing of it. */
  #shape = { hasPhases: false, hasDirections: false };

  constructor(style: Style) {
    this.#style = style;
  }

  /** The bytes that draw the panel over the one before. Lines are cut at `columns`, so that none wraps. */
  draw(snapshot: Snapshot, columns: number): string {
    this.#powers.push(snapshot.values?.active_power);
    if (this.#powers.length > HISTORY) this.#powers.shift();
    const names = Object.keys(snapshot.values ?? {});
    this.#shape.hasPhases ||= hasPhases(names);
    this.#shape.hasDirections ||= names.includes('active_energy_import');
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
    const show = shower(values);
    const health = lineHealth(snapshot);
    const samples = `${snapshot.good} good of ${snapshot.good + snapshot.missed}  (${goodPercent(snapshot)} %)`;
    const lines = [
      cut([`energy-monitor  ${clock}`, timeNote(snapshot), snapshot.title].filter((text) => text !== '').join('  ')),
      '',
      `  ${bold(cut(show('active_power', 0, 'W').padEnd(12)))}${dim(cut(this.#sparkline().slice(-(columns - 18))))}`,
      ...this.#measured(show).map(cut),
      '',
      `  samples  ${(snapshot.missed === 0 ? good : bad)(cut(samples))}`,
      `  line     ${(health === 'line ok' ? good : bad)(cut(health.replace(/^line:? /, '')))}`,
      ...(snapshot.url === undefined ? [] : [cut(`  page     ${snapshot.url}`)]),
      dim(cut(`  journal  ${snapshot.stateDir}`)),
      gap && !values ? `  ${bad(cut(`gap: ${gap.message}`))}` : '',
      gap && !values && snapshot.hint ? cut(`  ${snapshot.hint}`) : dim('  Ctrl-C ends'),
    ];
    return lines;
  }

  /** One line of a meter with one phase, a line a phase with three; then what was counted. */
  #measured(show: Show): string[] {
    const phase = (end: string) => [
      show(`voltage${end}`, 1, 'V'),
      show(`current${end}`, 2, 'A'),
      end === '' ? show('frequency', 2, 'Hz') : show(`active_power${end}`, 0, 'W'),
      `PF ${show(`power_factor${end}`, 3, '')}`,
    ];
    const counted = (name: string) =>
      `T1 ${show(`${name}_t1`, 2, '')}  T2 ${show(`${name}_t2`, 2, '')}  T3 ${show(`${name}_t3`, 2, '')}  T4 ${show(`${name}_t4`, 2, '')}`;
    const lines = this.#shape.hasPhases
      ? [
          ...['1', '2', '3'].map((n) => `  L${n}  ${phase(`_l${n}`).join('   ')}`),
          `  ${show('frequency', 2, 'Hz')}   PF ${show('power_factor', 3, '')}`,
        ]
      : [`  ${phase('').join('   ')}`];
    if (!this.#shape.hasDirections)
      return [...lines, `  ${show('active_energy', 2, 'kWh')}   ${counted('active_energy')}`];
    const [drawn, given] = ['active_energy_import', 'active_energy_export'] as const;
    return [...lines, `  import ${show(drawn, 2, 'kWh')}   export ${show(given, 2, 'kWh')}`];
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
