import { type Command, Option } from 'commander';
import type { LiveOptions } from '../live/live.ts';
import { durationArgument, modelOption, wholeNumberArgument } from './options.ts';

export function addLive(root: Command): void {
  root
    .command('live')
    .description('read one meter and show it live: a virtual one, or with --serial your own')
    .option('--serial <port>', 'serial port of a real meter, such as /dev/ttyUSB0')
    .option('--baud <n>', "its baud rate (default: the model's)", wholeNumberArgument(1200, 115_200))
    .addOption(new Option('--parity <name>', "its parity (default: the model's)").choices(['none', 'even', 'odd']))
    .option('--unit <n>', "its Modbus address (default: the model's)", wholeNumberArgument(1, 247))
    .addOption(modelOption('its model'))
    .option('--seed <n>', 'what happens in the virtual household', wholeNumberArgument(0, 2 ** 32 - 1), 1)
    .option('--solar <watt>', 'peak of a virtual photovoltaic system', wholeNumberArgument(0, 30_000), 0)
    .option('--state-dir <dir>', 'where the journal goes (default: below ~/.local/state/energy-monitor)')
    .option('--page <address>', 'where the page is served: host:port, or off', '127.0.0.1:8515')
    .option('--duration <time>', 'end by itself after 30s, 5m ...', durationArgument)
    .action(async (options: LiveOptions) => {
      const { runLive } = await import('../live/live.ts');
      const { pageCompanion } = await import('../web/companion.ts');
      await runLive(options, (log, onListening) => pageCompanion(log, { nextPort: true, onListening }));
    });
}
