import { hexAddress } from '../meters/description.ts';
import { entryText, type HeldPart, kindOf } from '../meters/service/schedule.ts';
import type { PartChange } from './tariffs.ts';

/** The schedule as a file that can be written back. */
export function tariffYaml(model: string, held: readonly HeldPart[]): string {
  const lines = [
    '# Change what you like; what you remove stays in the meter as it is.',
    '# Look first: energy-monitor meter tariffs --set FILE --dry-run',
    `model: ${model}`,
  ];
  for (const one of held) lines.push('', ...partYaml(one));
  return `${lines.join('\n')}\n`;
}

function partYaml({ part, registers, entries, digits }: HeldPart): string[] {
  const kind = kindOf(part);
  const remarks = [part.title, ...(part.readOnly === undefined ? [] : [`only read: ${part.readOnly}`])];
  if (!entries) {
    return [`# ${remarks.join('; ')}; not understood: ${registers.toString('hex')}`, `# ${part.key}: []`];
  }
  if (digits === undefined && entries.length > 0)
    remarks.push('read as plain numbers; --dates bcd reads packed decimals');
  const head = `# ${remarks.join('; ')}`;
  const texts = entries.map((entry) => entryText(kind, entry));
  if (kind === 'dates') return [head, `${part.key}: [${texts.map((text) => `"${text}"`).join(', ')}]`];
  if (texts.length === 0) return [head, `${part.key}: []`];
  const items = texts.map((text) => {
    const [moment, name, number] = text.split(' ');
    return `  - {${kind === 'points' ? 'at' : 'from'}: "${moment}", ${name}: ${number}}`;
  });
  return [head, `${part.key}:`, ...items];
}

/** What goes and what comes, part by part. */
export function diffText(changes: readonly PartChange[]): string {
  if (changes.length === 0) return 'nothing to change: the meter has this schedule\n';
  return changes.map((change) => `${partDiff(change).join('\n')}\n`).join('');
}

function partDiff({ before, entries }: PartChange): string[] {
  const { part } = before;
  const kind = kindOf(part);
  const old = before.entries?.map((entry) => entryText(kind, entry));
  const now = entries.map((entry) => entryText(kind, entry));
  const title = `${part.key}: ${part.title}, ${hexAddress(part.address)}`;
  if (!old)
    return [title, `  - (not understood) ${before.registers.toString('hex')}`, ...now.map((text) => `  + ${text}`)];
  const all = [...new Set([...old, ...now])].sort();
  const lines = all.map((text) => `  ${old.includes(text) ? (now.includes(text) ? ' ' : '-') : '+'} ${text}`);
  // Of a hundred dates only those that change.
  return [title, ...(kind === 'dates' ? lines.filter((line) => !line.startsWith('    ')) : lines)];
}
