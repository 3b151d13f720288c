import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { namesIn, numberAt } from '../system/kernel-files.ts';

/** Bytes since boot over all interfaces that have hardware behind them: no loopback, bridge, tunnel or container. */
export function network(root: string): Values {
  let received = 0;
  let sent = 0;
  let interfaces = 0;
  for (const name of namesIn(join(root, 'sys/class/net'))) {
    const directory = `sys/class/net/${name}`;
    if (!existsSync(join(root, directory, 'device'))) continue;
    const receivedHere = numberAt(join(root, `${directory}/statistics/rx_bytes`));
    const sentHere = numberAt(join(root, `${directory}/statistics/tx_bytes`));
    if (receivedHere === undefined || sentHere === undefined) continue;
    received += receivedHere;
    sent += sentHere;
    interfaces++;
  }
  return interfaces === 0 ? {} : { network_received_bytes: received, network_sent_bytes: sent };
}
