import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';

/** A web server that gives one answer to everything. @returns its URL */
export async function webServer(status: number, body: string): Promise<string> {
  const type = body.startsWith('{') ? 'application/json' : 'text/html';
  const server = createServer(
    (_request, response) => void response.writeHead(status, { 'content-type': type }).end(body),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}
