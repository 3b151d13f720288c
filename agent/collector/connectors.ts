import type { ConnectionConfig } from '../config/schema.ts';
import type { Connector, Wire } from '../modbus/connection.ts';
import { serialConnector } from '../modbus/serial-connection.ts';
import { tcpConnector } from '../modbus/tcp-connection.ts';

/** What lies behind a Modbus TCP gateway is unknown; this weighs registers against requests when reads are planned. */
const BEHIND_GATEWAY: Wire = { baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 };

export function connectorFor(connection: ConnectionConfig): Connector {
  if ('tcp' in connection) return tcpConnector(connection.tcp, 'mbap', BEHIND_GATEWAY);
  const { baudRate, parity, dataBits, stopBits } = connection;
  const wire: Wire = { baudRate, parity, dataBits, stopBits };
  return 'serial' in connection
    ? serialConnector(connection.serial, wire)
    : tcpConnector(connection.rtuOverTcp, 'rtu', wire);
}
