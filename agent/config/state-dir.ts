import { readFileSync } from 'node:fs';

/** Where the journal lives when the configuration names no other place (FHS: state of a service). */
export const DEFAULT_STATE_DIR = '/var/lib/energy-monitor';

/** A plain path from the first column on, alone on its line or with a comment: in YAML that means only one thing. */
const PLAIN = /^stateDir: +(\/[\w./-]*)[ \t]*(?: #.*)?\r?$/gm;
/** A plain value can go on in the next line, when that is indented. */
const GOES_ON = /^stateDir:.*\n(?:[ \t]*\n)*[ \t]+[^ \t#\r\n]/m;

/**
 * The state directory that a configuration names in the usual way, or leaves out, without loading parser and schema: they
 * take 150 ms of CPU, which is much for what runs each minute.
 * @returns undefined when it is named in another way, or the file cannot be read: then loadConfig knows
 */
export function plainStateDir(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    if (!text.includes('stateDir') && !text.includes('\\')) return DEFAULT_STATE_DIR;
    const found = [...text.matchAll(PLAIN)];
    return found.length === 1 && !GOES_ON.test(text) && !/^(?:---|\.\.\.|[{%])/m.test(text) ? found[0]?.[1] : undefined;
  } catch {
    return undefined;
  }
}
