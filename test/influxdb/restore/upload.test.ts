import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { DamagedPart } from '../../../agent/influxdb/restore/influx-backup.ts';
import { upload } from '../../../agent/influxdb/restore/upload.ts';
import { restoreServer } from '../../support/influx-snapshots.ts';

type Listener = (incoming: IncomingMessage, response: ServerResponse) => void;

async function listening(listener: Listener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

/** Takes all of a body, and tells how long it was. */
const taking: Listener = (incoming, response) => {
  let bytes = 0;
  incoming.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  incoming.on('error', () => {});
  incoming.on('end', () => response.writeHead(200).end(`${incoming.headers['content-length']} ${bytes}`));
};

async function* pieces(count: number, bytes: number, pauseMs = 0): AsyncGenerator<Buffer> {
  for (let i = 0; i < count; i++) {
    if (pauseMs > 0) await sleep(pauseMs);
    yield Buffer.alloc(bytes, i);
  }
}

test('a body goes with its length, and each piece is told', async () => {
  const url = await listening(taking);
  const sent: number[] = [];
  const onSent = (bytes: number) => sent.push(bytes);
  const request = { bytes: 3_000_000, content: pieces(30, 100_000), timeoutMs: 5000, onSent };
  expect(await upload({ url }, '/x', request)).toEqual({ status: 200, text: '3000000 3000000' });
  expect(sent).toEqual(Array.from({ length: 30 }, () => 100_000));
});

test('whoever reads the backup may be slow; a server that takes nothing is given up', async () => {
  const url = await listening(taking);
  const slow = { bytes: 30, content: pieces(3, 10, 150), timeoutMs: 50 };
  expect(await upload({ url }, '/x', slow)).toMatchObject({ status: 200 });
  const deaf = await listening(() => {});
  const large = { bytes: 1e8, content: pieces(1000, 100_000), timeoutMs: 200 };
  await expect(upload({ url: deaf }, '/x', large)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  const small = { bytes: 10, content: pieces(1, 10), timeoutMs: 200 };
  await expect(upload({ url: deaf }, '/x', small)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

test('an answer before the end of the body is heard, and nothing more is sent', async () => {
  const url = await listening((incoming, response) => {
    incoming.resume();
    incoming.on('error', () => {});
    response.writeHead(401).end('no');
  });
  let asked = 0;
  const content = (async function* () {
    for await (const piece of pieces(1000, 100_000, 1)) {
      asked++;
      yield piece;
    }
  })();
  expect(await upload({ url }, '/x', { bytes: 1e8, content, timeoutMs: 5000 })).toEqual({ status: 401, text: 'no' });
  expect(asked).toBeLessThan(1000);
});

test('what the backup cannot give is its own error, and the server gets no whole body', async () => {
  let ended = false;
  const url = await listening((incoming, response) => {
    incoming.on('end', () => {
      ended = true;
    });
    taking(incoming, response);
  });
  const failing = async function* () {
    yield* pieces(3, 100_000);
    throw new DamagedPart('x is gone');
  };
  const server = restoreServer({ url, token: 't' }, { patienceMs: 5000 });
  let told = 0;
  const attempt = server.upload('shard 1', '/x', 1_000_000, failing, (bytes) => {
    told += bytes;
  });
  await expect(attempt).rejects.toThrow('x is gone');
  expect(told).toBe(0);
  expect(ended).toBe(false);
});

test('a stop ends it', async () => {
  const deaf = await listening(() => {});
  const stop = new AbortController();
  const request = { bytes: 1e8, content: pieces(1000, 100_000), timeoutMs: 60_000, signal: stop.signal };
  setTimeout(() => stop.abort(new Error('stopped')), 50);
  await expect(upload({ url: deaf }, '/x', request)).rejects.toThrow('stopped');
});

test('a connection that breaks is tried again with the whole body', async () => {
  let requests = 0;
  const url = await listening((incoming, response) => {
    if (++requests > 2) return taking(incoming, response);
    incoming.on('error', () => {});
    incoming.once('data', () => incoming.socket.resetAndDestroy());
  });
  const server = restoreServer({ url, token: 't' }, { patienceMs: 20_000 });
  let told = 0;
  const { body } = await server.upload(
    'shard 1',
    '/x',
    1_000_000,
    () => pieces(10, 100_000),
    (bytes) => {
      told += bytes;
    },
  );
  expect(body).toBe('1000000 1000000');
  expect({ told, requests }).toEqual({ told: 1_000_000, requests: 3 });
});
