import { isOfMachine, type Reading } from '../readings/reading.ts';

/** Commas, spaces and equals signs are escaped in tags and field keys, commas and spaces in measurements (InfluxDB v2, line protocol). */
const escapeTag = (text: string) => text.replace(/[,= ]/g, '\\$&');
const escapeMeasurement = (text: string) => text.replace(/[, ]/g, '\\$&');

/** Names and texts come again with each reading: each is escaped once. */
const prefixes = new Map<string, string>();
const fieldKeys = new Map<string, string>();
/** More would be no names but values by mistake. */
const MOST_KEPT = 10_000;

function kept(map: Map<string, string>, key: string, make: () => string): string {
  let text = map.get(key);
  if (text === undefined) {
    text = make();
    if (map.size < MOST_KEPT) map.set(key, text);
  }
  return text;
}

/** Tag keys; `host` in place of `meter` for what is of the machine. */
export const TAGS = { meter: 'meter', host: 'host', model: 'model' } as const;

function tags(measurement: string, name: string, model: string): string {
  const nameTag = isOfMachine(measurement) ? TAGS.host : TAGS.meter;
  // An empty tag is no valid line.
  return `${name === '' ? '' : `,${nameTag}=${escapeTag(name)}`}${model === '' ? '' : `,${TAGS.model}=${escapeTag(model)}`}`;
}

/** Reused: a text that grows by `+=` is a tree of pieces, and a batch of them keeps the garbage collector busy. */
const pieces: (string | number)[] = [];

/** One reading as a line, time in milliseconds; all fields are floats, so that a field's type never changes. */
export function toLine({ series, timeMs, values }: Reading): string {
  const { measurement, meter, model } = series;
  pieces.length = 0;
  pieces.push(
    kept(
      prefixes,
      `${measurement}\n${meter}\n${model}`,
      () => `${escapeMeasurement(measurement)}${tags(measurement, meter, model)} `,
    ),
  );
  for (const name in values) {
    if (pieces.length > 1) pieces.push(',');
    pieces.push(
      kept(fieldKeys, name, () => `${escapeTag(name)}=`),
      values[name] ?? 0,
    );
  }
  pieces.push(' ', timeMs);
  return pieces.join('');
}
