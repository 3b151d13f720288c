import { fileURLToPath } from 'node:url';
import { machineTicks } from './proc.ts';
import { quantile, type Row } from './table.ts';
import type { Workplace } from './workplace.ts';

const PROCESS = fileURLToPath(new URL('bare-timer-process.ts', import.meta.url));

/**
 * What the machine does to a timer of a process that does nothing else, during the same minutes: the collector's jitter is
 * to be read beside it.
 */
export function bareTimer(workplace: Workplace): { end: () => Promise<Row> } {
  const before = machineTicks();
  const child = workplace.start(process.execPath, [PROCESS]);
  let printed = '';
  child.stdout?.on('data', (text: Buffer) => {
    printed += text.toString();
  });
  return {
    end: async () => {
      await workplace.end(child);
      const lateMs = JSON.parse(printed) as number[];
      const after = machineTicks();
      const stolenPercent = ((after.stolen - before.stolen) / (after.all - before.all)) * 100;
      return {
        figure: 'the machine alone: a bare timer at each second, in the same minutes',
        asked: 'shown beside',
        measured: `p99 ${quantile(lateMs, 0.99).toFixed(1)} ms, max ${Math.max(...lateMs).toFixed(1)} ms; ${stolenPercent.toFixed(1)} % of its CPU time stolen by its host`,
        met: true,
      };
    },
  };
}
