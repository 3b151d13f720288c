import { frameText } from '../meters/description.ts';
import type { LineCounters } from '../system/terminal.ts';
import type { Evidence, Target } from './evidence.ts';
import type { Latency, Measured } from './measure.ts';
import type { Finding } from './verdict.ts';

/** What doctor found of one line. */
export interface LineReport {
  evidence: Evidence;
  findings: readonly Finding[];
}

const BAR_WIDTH = 40;

const targetName = (target: Target): string =>
  target.kind === 'serial' ? target.path : `${target.kind} ${target.host}:${target.port}`;

const row = (title: string, text: string) => `  ${title.padEnd(10)}${text}\n`;

function latencyText({ leastMs, medianMs, p99Ms, mostMs, histogram }: Latency): string {
  const used = histogram.filter(({ replies }) => replies > 0);
  const [first, last] = [
    histogram.indexOf(used[0] ?? { upToMs: 0, replies: 0 }),
    histogram.lastIndexOf(used.at(-1) ?? { upToMs: 0, replies: 0 }),
  ];
  const most = Math.max(...histogram.map(({ replies }) => replies));
  const bars = histogram.slice(first, last + 1).map(({ upToMs, replies }) => {
    const label = upToMs === undefined ? 'more' : `to ${upToMs} ms`;
    const bar = '#'.repeat(Math.ceil((replies / most) * BAR_WIDTH));
    return row('', `${label.padStart(10)}  ${String(replies).padStart(5)}  ${bar}`.trimEnd());
  });
  const figures = [leastMs, medianMs, p99Ms, mostMs].map((ms) => ms.toFixed(ms < 10 ? 1 : 0));
  return (
    row(
      'latency',
      `${figures[0]} ms at least, ${figures[1]} median, ${figures[2]} for 99 %, ${figures[3]} at most, to the first byte`,
    ) + bars.join('')
  );
}

const countersText = ({ parity, frame, breaks, overruns }: LineCounters): string =>
  `counted parity errors ${parity}, framing ${frame}, breaks ${breaks}, overruns ${overruns}`;

function measuredText(measured: Measured, isSerial: boolean): string {
  const { requests, failed, forMs, kinds, short, long, latency, counted } = measured;
  const bad = Object.entries(kinds).filter(([kind]) => kind !== 'answer' && kind !== 'exception');
  const errors = bad.length === 0 ? '' : `: ${bad.map(([kind, count]) => `${kind} ${count}`).join(', ')}`;
  const by = [short, long].map(
    (tally) =>
      `${tally.failed} of ${tally.requests} with ${tally.registers} ${tally.registers === 1 ? 'register' : 'registers'}`,
  );
  return [
    row('reads', `${requests} in ${Math.round(forMs / 1000)} s, ${failed} failed${errors}`),
    failed === 0 ? '' : row('', `failed: ${by.join(', ')}`),
    latency ? latencyText(latency) : '',
    isSerial ? row('driver', counted ? countersText(counted) : 'counts no errors') : '',
  ].join('');
}

function foundText({ found, searched, recognised, expected, target }: Evidence): string {
  if (!found || !searched) return '';
  const { settings, unit, attempt } = found;
  const where = target.kind === 'serial' ? `${settings.baudRate} baud ${frameText({ ...settings, unit })}, ` : '';
  const model = expected?.model ?? recognised?.candidates[0];
  const why = expected?.model || !recognised ? '' : ` (${recognised.because})`;
  return [
    row('found', `${where}unit ${unit}, by request ${attempt}, after ${(searched.elapsedMs / 1000).toFixed(1)} s`),
    model ? row('model', `${expected?.modelName ?? model.name}: ${`${model.maker} ${model.title}`.trim()}${why}`) : '',
  ].join('');
}

function findingText({ level, cause, sentence, remedies }: Finding): string {
  const numbered = remedies.map((remedy, i) => `     ${i + 1}. ${remedy}\n`).join('');
  return `  ${level === 'good' ? 'good' : `${level} ${cause}`}: ${sentence}\n${numbered}`;
}

/** All that was found, for a person. */
export function reportText(
  lines: readonly LineReport[],
  general: readonly Finding[],
  snippet: string | undefined,
): string {
  const parts = lines.map(({ evidence, findings }) => {
    const { target, adapter, measured, expected } = evidence;
    const driver = adapter?.driver === undefined ? '' : ` (${adapter.driver})`;
    const meter = expected?.meter === undefined ? '' : `${expected.meter} at `;
    return [
      `${meter}${targetName(target)}${driver}\n`,
      foundText(evidence),
      measured ? measuredText(measured, target.kind === 'serial') : '',
      ...findings.map(findingText),
    ].join('');
  });
  return [
    ...general.map(findingText),
    ...parts,
    ...(snippet === undefined ? [] : [`For the configuration:\n\n${snippet}`]),
  ].join('\n');
}

/** The same for programs: models by their names. */
export function reportJson(
  lines: readonly LineReport[],
  general: readonly Finding[],
  snippet: string | undefined,
  isStopped: boolean,
): string {
  const shown = lines.map(({ evidence: { recognised, expected, ...evidence }, findings }) => ({
    ...evidence,
    ...(expected ? { expected: { ...expected, model: expected.modelName ?? expected.model?.name } } : {}),
    ...(recognised ? { recognised: { ...recognised, candidates: recognised.candidates.map(({ name }) => name) } } : {}),
    findings,
  }));
  return `${JSON.stringify({ stopped: isStopped, findings: general, lines: shown, config: snippet ?? null }, null, 2)}\n`;
}
