import { JournalReader } from '../../agent/journal/reader.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { ALL } from './open-journal.ts';
import { restlessLoad } from './restless-load.ts';
import { afterTest } from './side-by-side.ts';

/** So long that no register changes while a sample is taken, which a guard would doubt. */
const STEADY_MS = 86_400_000;

/** A gateway with five meters. @param turnaroundMs of each answer */
export async function gateway(turnaroundMs?: number): Promise<TcpLine> {
  const meters = [1, 2, 3, 4, 5].map((unit) => {
    const options = { model: WE_515, load: restlessLoad(unit, STEADY_MS), stepMs: STEADY_MS };
    return [unit, new VirtualMeter(options, Date.now())] as const;
  });
  const options = { slave: new Slave(new Map(meters)), random: seededRandom(1) };
  const line = await TcpLine.listen(0, 'mbap', turnaroundMs === undefined ? options : { ...options, turnaroundMs });
  afterTest(() => line.close());
  return line;
}

export function readingTimes(stateDir: string, meter: string): number[] {
  const reader = new JournalReader(stateDir);
  try {
    return reader
      .readings(ALL)
      .filter(({ series }) => series.meter === meter)
      .map(({ timeMs }) => timeMs);
  } finally {
    reader.close();
  }
}

export function gapsOf(stateDir: string, meter: string) {
  const reader = new JournalReader(stateDir);
  try {
    return reader.gaps(ALL).filter(({ series }) => series.meter === meter);
  } finally {
    reader.close();
  }
}
