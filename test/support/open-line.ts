import { join } from 'node:path';
import type { Connector, Wire } from '../../agent/modbus/connection.ts';
import { serialConnector } from '../../agent/modbus/serial-connection.ts';
import { tcpConnector } from '../../agent/modbus/tcp-connection.ts';
import { PtyLine } from '../../agent/simulator/pty-line.ts';
import type { RtuEndpointOptions } from '../../agent/simulator/rtu-endpoint.ts';
import { TcpLine } from '../../agent/simulator/tcp-line.ts';
import { temporaryDirectory } from './temporary.ts';

export type Transport = 'pty' | 'rtu-over-tcp' | 'tcp';

/** A line with virtual meters, and what reads it over the real stack. */
export async function openLine(
  transport: Transport,
  wire: Wire,
  options: RtuEndpointOptions,
): Promise<{ connector: Connector; close: () => void | Promise<void> }> {
  if (transport === 'pty') {
    const line = new PtyLine(join(temporaryDirectory(), 'meter'), options);
    return { connector: serialConnector(line.linkPath, wire), close: () => line.close() };
  }
  const framing = transport === 'tcp' ? 'mbap' : 'rtu';
  const line = await TcpLine.listen(0, framing, options);
  return { connector: tcpConnector({ host: '127.0.0.1', port: line.port }, framing, wire), close: () => line.close() };
}
