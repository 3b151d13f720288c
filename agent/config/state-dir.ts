import { readFileSync } from 'node:fs';

/** Where the journal lives when the configuration names no other place (FHS: state of a service). */
export const DEFAULT_STATE_DIR = '/var/lib/energy-monitor';

/** Keys of the schema, which is not loaded here. */
const TOP_KEYS = new Set([
  'stateDir',
  'meters',
  'timeZone',
  'journal',
  'history',
  'clock',
  'influxdb',
  'backup',
  'web',
]);

/** In these forms a value means only one thing, and ends on its line. */
const PLAIN = String.raw`[\w./+](?:[^\s"'#[\]{},]*[^\s"'#[\]{},:])?`;
const QUOTED = String.raw`"[^"\\]*"|'[^']*'`;
const FLOW = String.raw`[[{][^#]*[\]}]`;

const NOTHING = /^ *(?:#.*)?$/;
const ENTRY = new RegExp(String.raw`^( *)(- +)?([A-Za-z]\w*):(?: +(${QUOTED}|${PLAIN}|${FLOW}))?(?: +#.*)?$`);

const PAIR = String.raw`[A-Za-z]\w*: +${PLAIN}`;
const listOf = (item: string) => `(?:${item}(?: *, *${item})*)?`;
const INNERMOST = new RegExp(String.raw`\{ *${listOf(PAIR)} *\}|\[ *${listOf(PLAIN)} *\]`, 'g');

/** A dash is an entry as well, without value. */
interface Entry {
  column: number;
  key: string;
  value: string | undefined;
}

/**
 * The state directory that a configuration names, or leaves out, when each of its lines means only one thing. Parser and
 * schema are not loaded: they take 150 ms of CPU, which is much for what runs each minute. Mistakes within an entry of
 * another key are not looked for.
 * @returns undefined for all else, also for a file that cannot be read or is no configuration: then loadConfig knows
 */
export function plainStateDir(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const entries = plainEntries(text);
  const top = entries?.filter(({ column }) => column === 0) ?? [];
  if (!entries || !top.every(({ key }) => TOP_KEYS.has(key)) || !hasMeters(entries)) return undefined;
  const named = entries.find(({ key }) => key === 'stateDir');
  if (!named) return DEFAULT_STATE_DIR;
  const path = named.value?.replace(/^(["'])(.*)\1$/, '$2');
  return named.column === 0 && path?.startsWith('/') ? path : undefined;
}

/** Undefined when a line is of another form, goes on from the line above, or stands in no column that is open. */
function plainEntries(text: string): Entry[] | undefined {
  const entries: Entry[] = [];
  let open: { column: number; names: Set<string> }[] = [];
  const fits = (entry: Entry): boolean => {
    const { column, key } = entry;
    open = open.filter((one) => one.column <= column);
    const beside = open.at(-1);
    const last = entries.at(-1);
    entries.push(entry);
    if (beside?.column === column) {
      const { names } = beside;
      const isNew = !names.has(key);
      names.add(key);
      return key === '-' ? !isNew : isNew && !names.has('-');
    }
    open.push({ column, names: new Set([key]) });
    return last === undefined || (last.value === undefined && last.column < column);
  };
  for (const line of text.split('\n').map((one) => one.replace(/[ \t\r]+$/, ''))) {
    if (NOTHING.test(line)) continue;
    const [, indent = '', dash = '', key, value] = ENTRY.exec(line) ?? [];
    if (key === undefined || (/^[[{]/.test(value ?? '') && !isFlow(value ?? ''))) return undefined;
    if (dash !== '' && !fits({ column: indent.length, key: '-', value: undefined })) return undefined;
    if (!fits({ column: indent.length + dash.length, key, value })) return undefined;
  }
  return entries;
}

/** Whether brackets hold pairs and items and nothing else: from the inside out, each is replaced by a plain value. */
function isFlow(value: string): boolean {
  let rest = value.replace(new RegExp(QUOTED, 'g'), '0');
  for (let before = ''; before !== rest; rest = rest.replace(INNERMOST, '0')) before = rest;
  return rest === '0';
}

/** One at least, below the key or in brackets behind it. */
function hasMeters(entries: readonly Entry[]): boolean {
  const at = entries.findIndex(({ column, key }) => column === 0 && key === 'meters');
  const value = entries[at]?.value;
  return at >= 0 && (value === undefined ? entries[at + 1]?.key === '-' : /^\[ *\{/.test(value));
}
