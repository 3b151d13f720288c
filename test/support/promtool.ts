import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { PYTHON, requirePythonModule } from './requires.ts';

/** PROMTOOL, or what test/setup.sh has unpacked. */
const PROMTOOL = process.env.PROMTOOL || join(homedir(), '.cache/energy-monitor-tests/prometheus/usr/bin/promtool');

/** What Debian's promtool finds wrong in metrics of the classic format, in their names as well; '' where nothing. */
export function promtoolSays(context: TestContext, metrics: string): string {
  if (!existsSync(PROMTOOL))
    context.skip('there is no promtool (npm run test:setup unpacks it, or name one with PROMTOOL)');
  const { stdout, stderr, status } = spawnSync(PROMTOOL, ['check', 'metrics'], { input: metrics, encoding: 'utf8' });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

/** A family as the reference parser of OpenMetrics has it. */
export interface ParsedFamily {
  name: string;
  type: string;
  unit: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const PARSE = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as classic
parse = classic if sys.argv[1] == 'classic' else text_string_to_metric_families
text = sys.stdin.buffer.read().decode('utf8')
print(json.dumps([{'name': f.name, 'type': f.type, 'unit': f.unit, 'help': f.documentation, 'samples':
  [{'name': s.name, 'labels': s.labels, 'value': repr(float(s.value))} for s in f.samples]} for f in parse(text)]))
`;

/** As Python writes it. */
const numberOf = (text: string) => Number(text.replace('inf', 'Infinity'));

/** Metrics as Prometheus' own client for Python reads them; it is strict with OpenMetrics. @throws Error for what is none */
export function parsedMetrics(context: TestContext, text: string, format: 'openmetrics' | 'classic'): ParsedFamily[] {
  requirePythonModule(context, 'prometheus_client');
  const { stdout, stderr, status } = spawnSync(PYTHON, ['-c', PARSE, format], { input: text, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as ParsedFamily[]).map((family) => ({
    ...family,
    samples: family.samples.map((sample) => ({ ...sample, value: numberOf(String(sample.value)) })),
  }));
}
