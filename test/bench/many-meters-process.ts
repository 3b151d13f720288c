import { WE_515 } from '../../agent/meters/orno.ts';
import { Household } from '../../agent/simulator/household.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';

/** What a meter takes to answer. */
const TURNAROUND_MS = 5;

/**
 * Virtual meters on Modbus TCP ports: one for each number of the command line, with so many units. Prints the ports; ends
 * when it is stopped.
 */
const ports: number[] = [];
for (const [i, units] of process.argv.slice(2).map(Number).entries()) {
  const meters = Array.from({ length: units }, (_, unit) => {
    const load = new Household({ seed: 100 * i + unit });
    return [unit + 1, new VirtualMeter({ model: WE_515, load }, Date.now())] as const;
  });
  const options = { slave: new Slave(new Map(meters)), random: seededRandom(i), turnaroundMs: TURNAROUND_MS };
  ports.push((await TcpLine.listen(0, 'mbap', options)).port);
}
process.stdout.write(`${JSON.stringify(ports)}\n`);
