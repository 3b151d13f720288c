import { toLine } from '../../../agent/influxdb/line-protocol.ts';
import type { Values } from '../../../agent/readings/reading.ts';
import type { Workplace } from '../../bench/workplace.ts';
import { Answers } from './asking.ts';
import { ask, fill, IS_REAL, startServer } from './filled-server.ts';
import type { Line } from './world.ts';

/** A reading of a meter, or a roll-up of some. */
export const line = (bucket: Line['bucket'], meter: string, timeMs: number, values: Values): Line => ({
  bucket,
  text: toLine({ series: { measurement: 'energy', meter, model: 'we-515' }, timeMs, values }),
});

/**
 * A server with some lines; where there is none, what one answered.
 * @param file of the recorded answers; undefined for a world that is of now
 */
export async function serverOf(
  workplace: Workplace,
  file: string | undefined,
  lines: readonly Line[],
): Promise<Answers> {
  if (!IS_REAL) return new Answers(file, undefined);
  const { url, reader, operator } = await startServer(workplace);
  await fill(url, operator, lines);
  return new Answers(file, (script) => ask(url, reader, script));
}
