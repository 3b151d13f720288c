import { createServer, type Server, type Socket } from 'node:net';
import { withCrc } from '../modbus/crc.ts';
import { AgentError, messageOf } from '../system/errors.ts';
import { TCP_FAULTS } from './fault-names.ts';
import { applyFaults } from './faults.ts';
import { RtuEndpoint, type RtuEndpointOptions, turnaroundOf } from './rtu-endpoint.ts';
import type { ByteStream } from './tempered-stream.ts';

const HEADER_LENGTH = 7;

export interface TcpLineOptions extends RtuEndpointOptions {
  /** What a Modbus TCP gateway answers for a unit that gives no answer: its exception; undefined: nothing. */
  unansweredException?: number;
}

/** Meters behind a network gateway: Modbus TCP, or RTU frames through a transparent serial server. */
export class TcpLine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on loopback. @param port 0 takes a free one */
  static async listen(port: number, framing: 'rtu' | 'mbap', options: TcpLineOptions): Promise<TcpLine> {
    const server = createServer({ noDelay: true });
    const line = new TcpLine(server);
    server.on('connection', (socket) => {
      line.#sockets.add(socket);
      socket.on('close', () => line.#sockets.delete(socket));
      socket.on('error', () => {});
      const withUnplug = {
        ...options,
        onUnplug: (afterMs: number) => void setTimeout(() => socket.destroy(), afterMs),
      };
      if (framing === 'rtu') line.#serveRtu(socket, withUnplug);
      else {
        const rates = Object.fromEntries(TCP_FAULTS.map((fault) => [fault, options.faults?.[fault] ?? 0]));
        line.#serveMbap(socket, { ...withUnplug, faults: rates });
      }
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(
          new AgentError('unavailable', `port ${port} cannot be listened on: ${messageOf(error)}`, {
            hint: 'choose another port',
            cause: error,
          }),
        ),
      );
      server.listen(port, '127.0.0.1', resolve);
    });
    return line;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serveRtu(socket: Socket, options: RtuEndpointOptions): void {
    const stream: ByteStream = {
      onData: (listener) => socket.on('data', listener),
      write: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
    };
    const endpoint = new RtuEndpoint(stream, options);
    socket.on('close', () => endpoint.stop());
  }

  #serveMbap(socket: Socket, options: TcpLineOptions): void {
    let buffered = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= HEADER_LENGTH && buffered.length >= 6 + buffered.readUInt16BE(4)) {
        const end = 6 + buffered.readUInt16BE(4);
        this.#answerMbap(socket, Buffer.from(buffered.subarray(0, end)), options);
        buffered = buffered.subarray(end);
      }
    });
  }

  #answerMbap(socket: Socket, adu: Buffer, options: TcpLineOptions): void {
    const request = withCrc(adu.subarray(6));
    const { unansweredException: exception } = options;
    const answer = options.slave.serve(request, (options.now ?? Date.now)());
    const { lateMs = 0 } = answer ?? {};
    const reply = answer?.reply ?? (exception === undefined ? undefined : exceptionReply(request, exception));
    if (!reply || options.temper?.isMute) return;
    const result = applyFaults(request, reply, options.faults ?? {}, options.random, options.timeScale);
    for (const fault of result.applied) options.onFault?.(fault);
    if (result.unplug) options.onUnplug?.(result.unplug.afterMs, result.unplug.forMs);
    for (const { bytes, delayMs } of result.emissions) {
      const body = bytes.subarray(0, -2);
      const header = Buffer.from(adu.subarray(0, 6));
      header.writeUInt16BE(body.length, 4);
      setTimeout(
        () => socket.destroyed || socket.write(Buffer.concat([header, body])),
        delayMs + lateMs + (turnaroundOf(options, request.readUInt8(0)) ?? 0),
      );
    }
  }
}

function exceptionReply(request: Buffer, code: number): Buffer {
  return withCrc(Buffer.from([request.readUInt8(0), request.readUInt8(1) | 0x80, code]));
}
