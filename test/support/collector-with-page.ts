import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, runCommand } from './child.ts';
import { freePort } from './free-port.ts';
import { temporaryDirectory } from './temporary.ts';

export interface CollectorWithPage {
  stateDir: string;
  port: number;
  url: string;
  /** Starts the collector, also once more; resolves when its page is there. */
  begin(): Promise<Child>;
}

/** A real collector that reads a virtual meter named house, each a process, and its page. */
export async function collectorWithPage(timeZone = 'UTC'): Promise<CollectorWithPage> {
  const directory = temporaryDirectory();
  const stateDir = join(directory, 'state');
  const meter = join(directory, 'meter');
  const config = join(directory, 'config.yaml');
  const port = await freePort();
  const lines = [
    `stateDir: ${stateDir}`,
    `timeZone: ${timeZone}`,
    `meters: [{name: house, model: we-515, connection: {serial: ${meter}}}]`,
    `web: {listen: "127.0.0.1:${port}"}`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const simulator = runCommand(['simulate', '--link', meter]);
  await simulator.printed(/meter/);
  const begin = async () => {
    const collector = runCommand(['collect', '--config', config]);
    await collector.printed(/the page is served/);
    return collector;
  };
  return { stateDir, port, url: `http://127.0.0.1:${port}`, begin };
}
