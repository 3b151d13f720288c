import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Collector } from '../../agent/collector/collector.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { Journal } from '../../agent/journal/journal.ts';
import { PYTHON, requireProgram } from '../support/requires.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { virtualLine } from '../support/virtual-line.ts';

/** A TCP port whose queue of connections is full: further ones are neither accepted nor refused. */
async function unansweringPort(): Promise<number> {
  const listen =
    'import socket,time; s=socket.socket(); s.bind(("127.0.0.1",0)); s.listen(0); print(s.getsockname()[1],flush=True); time.sleep(600)';
  const child = spawn(PYTHON, ['-c', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [text] = await once(child.stdout, 'data');
  const port = Number(String(text));
  const filling = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  onTestFinished(() => {
    for (const socket of filling) socket.on('error', () => {}).destroy();
  });
  await once(filling[0] as never, 'connect');
  return port;
}

test('a line that neither opens nor fails holds up no other meter', async (context) => {
  requireProgram(context, PYTHON);
  const { line } = virtualLine();
  const port = await unansweringPort();
  const config = parseConfig(
    JSON.stringify({
      stateDir: join(temporaryDirectory(), 'state'),
      meters: [
        { name: 'far', model: 'we-515', interval: '100ms', connection: { tcp: `127.0.0.1:${port}` } },
        { name: 'near', model: 'we-515', interval: '100ms', connection: { serial: line.linkPath, baudRate: 115200 } },
      ],
    }),
    'test.yaml',
  );
  const journal = Journal.open({ stateDir: config.stateDir, flushIntervalMs: 1000, log: silentLog });
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    const collector = new Collector({
      config,
      journal,
      log: silentLog,
      onOutcome: (series, outcome) => {
        seen.push(`${series.meter} ${'reading' in outcome ? 'reading' : outcome.cause}`);
        if (seen.filter((what) => what === 'near reading').length === 3) void collector.stop().then(resolve);
      },
    });
    collector.start();
  });
  journal.close();
  // Its loop begins after its own line's first attempt, which is still under way.
  expect(seen.filter((what) => what.startsWith('far'))).toEqual([]);
});
