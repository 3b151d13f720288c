/** Labels by name; names are ours, values may be any text. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  labels?: Labels;
  value: number;
}

/** A metric with all its samples. */
export interface Family {
  /** Without `_total` and `_info`, with the unit at its end. */
  name: string;
  type: 'gauge' | 'counter' | 'info';
  unit?: string | undefined;
  /** One sentence. */
  help: string;
  samples: Sample[];
}

export type Format = 'openmetrics' | 'classic';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  classic: 'text/plain; version=0.0.4; charset=utf-8',
};

const SUFFIXES = { gauge: '', counter: '_total', info: '_info' } as const;

/**
 * Metrics as text: OpenMetrics 1.0, or the format 0.0.4 of Prometheus, which has neither units nor an end, and in which the
 * metadata name the samples with their suffix. Families without samples are left out.
 */
export function exposition(families: readonly Family[], format: Format): string {
  const parts = families.filter(({ samples }) => samples.length > 0).map((family) => familyText(family, format));
  return `${parts.join('')}${format === 'openmetrics' ? '# EOF\n' : ''}`;
}

function familyText({ name, type, unit, help, samples }: Family, format: Format): string {
  const isOpen = format === 'openmetrics';
  const sampled = `${name}${SUFFIXES[type]}`;
  const described = isOpen ? name : sampled;
  const lines = [`# HELP ${described} ${isOpen ? escaped(help) : escapedHelp(help)}`];
  lines.push(`# TYPE ${described} ${!isOpen && type === 'info' ? 'gauge' : type}`);
  if (isOpen && unit !== undefined) lines.push(`# UNIT ${described} ${unit}`);
  for (const { labels = {}, value } of samples) lines.push(`${sampled}${labelsText(labels)} ${numberText(value)}`);
  return `${lines.join('\n')}\n`;
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escapedHelp = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escaped = (text: string) => escapedHelp(text).replaceAll('"', '\\"');

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/**
 * What a scraper gets: OpenMetrics where it likes that at least as much as anything else.
 * @param accept `Accept` of its request (RFC 9110, 12.5.1)
 */
export function formatFor(accept: string): Format {
  let [open, other] = [0, 0];
  for (const range of accept.toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    const version = parameterOf(parameters, 'version');
    const weight = Number(parameterOf(parameters, 'q') ?? 1) || 0;
    const isOpen = type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0');
    if (isOpen) open = Math.max(open, weight);
    // Wildcards say nothing of a preference.
    else if (type === 'text/plain') other = Math.max(other, weight);
  }
  return open > 0 && open >= other ? 'openmetrics' : 'classic';
}

function parameterOf(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.find((parameter) => parameter.startsWith(`${name}=`));
  return found?.slice(name.length + 1).replaceAll('"', '');
}

/** Families in the order in which they first came. */
export class Families {
  readonly #families = new Map<string, Family>();

  add(family: Omit<Family, 'samples'>, value: number | undefined, labels: Labels = {}): void {
    if (value === undefined) return;
    const known = this.#families.get(family.name) ?? { ...family, samples: [] };
    known.samples.push({ labels, value });
    this.#families.set(family.name, known);
  }

  all(): Family[] {
    return [...this.#families.values()];
  }
}
