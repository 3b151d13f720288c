import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';

/** Answers as a server of the kind does. */
export async function fakeServer(
  answer: (
    path: string,
    body: string,
    token: string,
  ) => { status: number; headers?: Record<string, string>; body?: unknown },
) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const query = new URLSearchParams(text).get('q');
      requests.push(query ?? `${request.method} ${request.url}`);
      const { status, headers, body } = answer(
        request.url ?? '',
        query ?? text,
        request.headers.authorization?.replace('Token ', '') ?? '',
      );
      const content = typeof body === 'string' ? body : JSON.stringify(body ?? '');
      response.writeHead(status, {
        ...(typeof body === 'string' ? {} : { 'content-type': 'application/json' }),
        ...headers,
      });
      response.end(status === 204 ? undefined : content);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`, requests };
}

export const V1 = { 'x-influxdb-version': '1.8.10', 'x-influxdb-build': 'OSS' };
/** Answer to a statement: values of the column `name`. */
export const done = (...values: string[][]) => ({
  status: 200,
  headers: V1,
  body: { results: [{ statement_id: 0, ...(values.length > 0 ? { series: [{ columns: ['name'], values }] } : {}) }] },
});
