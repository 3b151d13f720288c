import type { Command } from 'commander';
import { MODEL_NAMES } from '../meters/model-names.ts';
import { addMeterService } from './meter-service.ts';

export function addMeter(root: Command): void {
  const meter = root
    .command('meter')
    .description('meters that can be read, their registers, clocks, tariffs and settings')
    .exitOverride();
  meter
    .command('models')
    .description('list the meters that are built in')
    .option('--json', 'as JSON')
    .action(async (options: { json?: true }) => {
      const { MODELS } = await import('../meters/catalogue.ts');
      const { modelsText } = await import('../meters/description.ts');
      process.stdout.write(options.json ? json(MODELS.map(({ fields: _, ...model }) => model)) : modelsText(MODELS));
    });
  meter
    .command('describe')
    .description('print the registers of a meter, or check a register table of your own')
    .argument('<model>', `one of ${MODEL_NAMES.join(', ')}, or a register table such as ./my-meter.yaml`)
    .option('--json', 'as JSON')
    .option('--yaml', 'as a register table to start from')
    .action(async (name: string, options: { json?: true; yaml?: true }) => {
      const { resolveModel } = await import('../config/models.ts');
      const { tableYaml } = await import('../config/table-yaml.ts');
      const { modelText } = await import('../meters/description.ts');
      const model = resolveModel(name);
      const text = options.yaml ? tableYaml(model, `my-${model.name}`) : options.json ? json(model) : modelText(model);
      process.stdout.write(text);
    });
  meter
    .command('quantities')
    .description('list what a register can hold: names, units and meanings')
    .action(async () => {
      const { quantitiesText } = await import('../meters/description.ts');
      process.stdout.write(quantitiesText());
    });
  addMeterService(meter);
  for (const command of meter.commands) command.exitOverride();
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
