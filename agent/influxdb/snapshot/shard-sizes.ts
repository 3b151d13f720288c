import { ByteReader } from './byte-reader.ts';
import type { PatientClient } from './patient-client.ts';

/** Of proxies that let only some paths through, or have trouble with this one: it is not worth waiting for. */
const NO_METRICS = [401, 403, 404, 405, 407, 500, 501, 502, 503, 504];
const NEWLINE = Buffer.from('\n');
const LINE = /^storage_tsm_files_(total|disk_bytes)\{[^}]*\bid="(\d+)"[^}]*\} (\S+)$/;

/**
 * How many files a shard has and how many bytes, as one text to compare, by shard: from `GET /metrics` (Prometheus), which
 * costs the server no look at the disk. Empty where it tells none, as with `--metrics-disabled`.
 * @throws AgentError when it cannot be asked
 */
export async function shardSizes(client: PatientClient): Promise<Map<number, string>> {
  const request = { what: 'metrics', path: '/metrics', accepts: NO_METRICS };
  return client.get(request, async ({ body }) => {
    const sizes = new Map<number, string>();
    for await (const line of lines(body)) {
      const [, kind, id, value = ''] = LINE.exec(line) ?? [];
      if (kind === undefined) continue;
      const others = sizes.get(Number(id)) ?? '';
      sizes.set(
        Number(id),
        [...others.split(','), `${kind}=${value}`]
          .filter((one) => one !== '')
          .sort()
          .join(','),
      );
    }
    return sizes;
  });
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const reader = new ByteReader(body);
  let line = '';
  for (;;) {
    const taken = await reader.upTo(NEWLINE);
    if (!taken) return;
    line += taken.piece.toString('latin1');
    if (!taken.found) continue;
    yield line;
    line = '';
  }
}
