import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MODELS } from '../../agent/meters/catalogue.ts';
import type { MeterModel } from '../../agent/meters/model.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { type Figures, quantile, type Row } from './table.ts';
import { AGENT, Workplace } from './workplace.ts';

const FACTORY_MS = 3000;
const ANY_MS = 60_000;
const SEEDS = [1, 2, 3, 4, 5, 6];
const READY_MS = 1500;

interface Setting {
  baudRate: number;
  parity: 'none' | 'even' | 'odd';
  unit: number;
}

/** From the start of the command to its end, and whether it found what was there; the meter answers no other setting. */
async function searched(
  workplace: Workplace,
  { name }: MeterModel,
  setting: Setting,
): Promise<{ ms: number; isRight: boolean }> {
  const link = join(workplace.directory, 'meter');
  const { baudRate, parity, unit } = setting;
  const settings = ['--baud', String(baudRate), '--parity', parity, '--unit', String(unit)];
  const meter = workplace.agent(['simulate', '--strict', '--link', link, '--model', name, ...settings]);
  await sleep(READY_MS);
  const startedAt = performance.now();
  const { stdout } = spawnSync(AGENT, ['doctor', '--port', link, '--no-measure', '--json'], { encoding: 'utf8' });
  const ms = performance.now() - startedAt;
  await workplace.end(meter);
  const [line] = JSON.parse(stdout).lines;
  const found = line?.found;
  const isThere = found?.unit === unit && found.settings.baudRate === baudRate && found.settings.parity === parity;
  return { ms, isRight: isThere && line.recognised.candidates.includes(name) };
}

function row(figure: string, askedMs: number, results: { ms: number; isRight: boolean }[]): Row {
  const times = results.map(({ ms }) => ms);
  const right = results.filter(({ isRight }) => isRight).length;
  const most = Math.max(...times);
  return {
    figure,
    asked: `<= ${askedMs / 1000} s`,
    measured: `median ${(quantile(times, 0.5) / 1000).toFixed(1)} s, longest ${(most / 1000).toFixed(1)} s, ${right} of ${results.length} found and recognised`,
    met: most <= askedMs && right === results.length,
  };
}

/** Rates that the model can be set to, as its clue says. */
const ratesOf = ({ identify, serial }: MeterModel): number[] => {
  const codes = identify.flatMap(({ holds }) => ('baudRates' in holds ? Object.keys(holds.baudRates) : []));
  return codes.length > 0 ? codes.map(Number) : [serial.baudRate];
};

/** How long the doctor takes to find a virtual meter that is strict about its settings; the whole command, without measuring. */
export async function doctor(): Promise<Figures> {
  using workplace = new Workplace();
  const factory: { ms: number; isRight: boolean }[] = [];
  for (const model of MODELS) factory.push(await searched(workplace, model, model.serial));
  const lines: typeof factory = [];
  const units: typeof factory = [];
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const one = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
    const model = one(MODELS);
    const parity = one(['none', 'even', 'odd'] as const);
    lines.push(await searched(workplace, model, { baudRate: one(ratesOf(model)), parity, unit: 1 }));
    const unit = 1 + Math.floor(random() * 247);
    const other = one(MODELS.filter((candidate) => ratesOf(candidate).includes(9600)));
    units.push(await searched(workplace, other, { baudRate: 9600, parity: one(['none', 'even'] as const), unit }));
  }
  const last = await searched(workplace, MODELS[2] as MeterModel, { baudRate: 9600, parity: 'even', unit: 247 });
  return {
    title: 'Figures of the doctor',
    remarks: [
      'A virtual meter on a pseudo-terminal at the pace of its line, which answers its own baud rate, parity and unit alone. Any settings means: any rate and parity with the unit of the factory, or any unit at 9600 baud, 8E1 or 8N1. All 247 units at all 24 settings take 18 minutes on the wire (`--thorough`).',
    ],
    rows: [
      row('factory settings, each model', FACTORY_MS, factory),
      row(`any rate and parity, unit 1, ${SEEDS.length} seeds`, ANY_MS, lines),
      row(`any unit, 9600 8E1 or 8N1, ${SEEDS.length} seeds`, ANY_MS, units),
      row('the last setting that is tried', ANY_MS, [last]),
    ],
    complete: true,
  };
}
