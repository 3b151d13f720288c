import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ProcessServer } from './process-server.ts';
import type { SmallDisk } from './small-disk.ts';
import { temporaryDirectory } from './temporary.ts';

const PROGRAM = 'victoria-metrics';

/** Without it, nothing beyond the present is exported. */
const END_OF_TIME_S = Date.UTC(2100, 0) / 1000;

/** Two points of one series and time count once, as users have to set it. */
const DEDUPLICATES = '-dedup.minScrapeInterval=1ms';

/** Debian's victoria-metrics. */
export class VictoriaMetrics {
  readonly #server: ProcessServer;
  readonly #data: string;

  private constructor(server: ProcessServer, data: string) {
    this.#server = server;
    this.#data = data;
  }

  static async start(disk?: SmallDisk, flags: readonly string[] = [DEDUPLICATES]): Promise<VictoriaMetrics> {
    const port = await freePort();
    const data = join(disk?.directory ?? temporaryDirectory(), 'data');
    const args = [
      `-storageDataPath=${data}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      ...flags,
      '-memory.allowedBytes=200MB',
    ];
    const [command, commandArgs] = disk?.command(PROGRAM, args) ?? [PROGRAM, args];
    const server = new ProcessServer({
      command,
      args: commandArgs,
      port,
      healthPath: '/health',
      stopSignal: 'SIGINT',
    });
    await server.start();
    return new VictoriaMetrics(server, data);
  }

  get url(): string {
    return this.#server.url;
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  end(signal?: NodeJS.Signals): Promise<void> {
    return this.#server.end(signal);
  }

  /** Everything it stored is gone; it is stopped. */
  async wipe(): Promise<void> {
    await this.#server.end();
    rmSync(this.#data, { recursive: true });
  }

  /** All points, by `measurement_field{meter}` and time in ms. */
  async points(): Promise<Map<string, number>> {
    await (await fetch(`${this.url}/internal/force_flush`)).arrayBuffer();
    // For up to 10 s it takes from a cache which series a selector means.
    const selector = `{__name__!="",not_cached!="${performance.now()}"}`;
    const response = await fetch(
      `${this.url}/api/v1/export?match[]=${encodeURIComponent(selector)}&end=${END_OF_TIME_S}`,
    );
    const points = new Map<string, number>();
    for (const line of (await response.text()).split('\n').filter((text) => text !== '')) {
      const { metric, values, timestamps } = JSON.parse(line) as {
        metric: Record<string, string>;
        values: number[];
        timestamps: number[];
      };
      timestamps.forEach((timeMs, i) => {
        const key = `${metric.__name__} ${metric.meter} ${timeMs}`;
        if (points.has(key)) throw new Error(`${key} is there twice`);
        points.set(key, values[i] ?? Number.NaN);
      });
    }
    return points;
  }
}
