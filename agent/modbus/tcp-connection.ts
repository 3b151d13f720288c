import { connect, type Socket } from 'node:net';
import { AgentError, errnoOf } from '../system/errors.ts';
import type { Connection, Connector, Wire } from './connection.ts';

const CONNECT_BOUND_MS = 3000;

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'refuses the connection',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached: there is no network',
  ENOTFOUND: 'has no address: the name is unknown',
  EAI_AGAIN: 'has no address: the name service does not answer',
  ETIMEDOUT: 'does not answer',
};

export interface TcpTarget {
  host: string;
  port: number;
}

/** Modbus TCP (own header with transaction ids), or RTU frames through a transparent serial gateway. */
export function tcpConnector(target: TcpTarget, framing: 'rtu' | 'mbap', wire: Wire): Connector {
  const name = `${framing === 'rtu' ? 'rtu+tcp' : 'tcp'}://${target.host}:${target.port}`;
  return { name, wire, framing, open: () => openTcp(name, target) };
}

async function openTcp(name: string, target: TcpTarget): Promise<Connection> {
  const socket = connect({ ...target, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 });
  await new Promise<void>((resolve, reject) => {
    const bound = setTimeout(
      () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
      CONNECT_BOUND_MS,
    );
    const settle = (error?: Error) => {
      clearTimeout(bound);
      socket.off('connect', settle);
      socket.off('error', settle);
      if (error) reject(connectError(name, error));
      else resolve();
    };
    socket.once('connect', () => settle());
    socket.once('error', settle);
  });
  return connectionOf(socket, name);
}

function connectError(name: string, cause: Error): AgentError {
  const reason = REASONS[errnoOf(cause) ?? ''] ?? `cannot be connected: ${cause.message}`;
  return new AgentError('unavailable', `${name} ${reason}`, {
    retryable: true,
    hint: 'check the address and port, and that the gateway is on',
    cause,
  });
}

function connectionOf(socket: Socket, name: string): Connection {
  let failure: Error | undefined;
  let closing = false;
  socket.on('error', (error) => {
    failure = error;
  });
  return {
    write: (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    },
    // Node reads a socket in the turn of the event loop in which bytes are there.
    drain: () => 0,
    onData: (listener) => socket.on('data', listener),
    onClose: (listener) =>
      socket.once('close', () =>
        listener(closing ? undefined : (failure ?? new Error(`${name} closed the connection`))),
      ),
    close: () => {
      closing = true;
      if (socket.closed) return Promise.resolve();
      return new Promise((resolve) => {
        socket.once('close', () => resolve());
        socket.destroy();
      });
    },
  };
}
