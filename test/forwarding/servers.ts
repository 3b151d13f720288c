import type { TestContext } from 'vitest';
import { type InfluxAccess, influxPoints, requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { requireProgram } from '../support/requires.ts';
import type { SmallDisk } from '../support/small-disk.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';

/** A real server that readings are forwarded to. */
export interface TestServer {
  url: string;
  /** What its entry in the configuration needs besides the URL. */
  entry: Record<string, unknown>;
  points(): Promise<Map<string, number>>;
  start(): Promise<void>;
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it and deletes everything in it; `again` makes it ready for readings once more. */
  wipe(): Promise<void>;
  again(): Promise<Record<string, unknown>>;
}

/** @param disk where its data lies; by default a temporary directory */
export type StartServer = (context: TestContext, disk?: SmallDisk) => Promise<TestServer>;

export const startVictoriaMetrics: StartServer = async (context, disk) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start(disk);
  return {
    url: server.url,
    entry: {},
    points: () => server.points(),
    start: () => server.start(),
    end: (signal) => server.end(signal),
    wipe: () => server.wipe(),
    again: async () => {
      await server.start();
      return {};
    },
  };
};

export const startInfluxDb: StartServer = async (context, disk) => {
  requireInfluxd(context);
  const server = await startInfluxd(disk);
  let access: InfluxAccess = await setUp(server.url);
  const entry = () => ({ org: access.org, bucket: 'energy', token: access.token });
  return {
    url: server.url,
    entry: entry(),
    points: () => influxPoints(access, 'energy'),
    start: () => server.start(),
    end: (signal) => server.end(signal),
    wipe: () => server.wipe(),
    again: async () => {
      await server.start();
      access = await setUp(server.url);
      return entry();
    },
  };
};
