import { drawnEnergy, phaseText } from '../readings/shown.ts';
import { goodPercent, lineHealth, type Snapshot, timeNote } from './snapshot.ts';

const number = (value: number | undefined, decimals: number) => (value === undefined ? '-' : value.toFixed(decimals));

/** `12:00:05  1234 W  230.1 V  5.41 A  4231.45 kWh  100 % good  line ok`, in columns that stay in place. */
export function plainLine(snapshot: Snapshot): string {
  const clock = new Date(snapshot.timeMs).toTimeString().slice(0, 8);
  const { values, gap } = snapshot;
  const middle = values
    ? [
        `${number(values.active_power, 0).padStart(5)} W`,
        `${(phaseText(values, 'voltage', 1) ?? '-').padStart(5)} V`,
        `${(phaseText(values, 'current', 2) ?? '-').padStart(5)} A`,
        `${number(drawnEnergy(values), 2)} kWh`,
      ]
    : [`gap (${gap?.cause ?? 'unknown'}): ${gap?.message ?? ''}`];
  const end = [`${goodPercent(snapshot)} % good`, lineHealth(snapshot), timeNote(snapshot)];
  return `${[clock, ...middle, ...end].join('  ').trimEnd()}\n`;
}
