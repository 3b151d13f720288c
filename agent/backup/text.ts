import type { ShownSnapshot, StoreList, StorePrune, StoreVerification } from './command.ts';
import { type Outcome, WARN_BEFORE_MS } from './outcome.ts';
import type { BackupProgress } from './run.ts';
import type { StoreRun } from './run-all.ts';

const size = (bytes: number) =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
const sum = (numbers: Readonly<Record<string, number>>) => Object.values(numbers).reduce((total, n) => total + n, 0);
const iso = (ms: number) => new Date(ms).toISOString();

/** One line a store, and one more for each thing that a person should know. */
export function runText({ store, result, problem, pruned, left, outcome }: StoreRun, nowMs: number): string {
  const lines: string[] = [];
  if (result) {
    const { sequence, counts, files, bytes, sentObjects, sentBytes, verified } = result;
    const content = `${sum(counts)} readings in ${files} files (${size(bytes)})`;
    const gone = pruned > 0 ? `, ${pruned} old ones gone` : '';
    const state = verified ? 'verified' : 'NOT WHOLE';
    lines.push(
      `backup ${sequence} in ${store}: ${content}, ${sentObjects} new objects (${size(sentBytes)}), ${state}${gone}`,
    );
  } else lines.push(`no backup in ${store}: ${problem?.message ?? ''}`);
  for (const { source, reason } of result?.missing ?? []) lines.push(`without ${source}: ${reason}`);
  if (left !== undefined) lines.push(`no old backup goes from ${store}: ${left}`);
  const warning = expiryText(outcome, nowMs);
  if (warning !== undefined) lines.push(`${store}: ${warning}`);
  return lines.map((line) => `${line}\n`).join('');
}

function expiryText({ expiresMs }: Outcome, nowMs: number): string | undefined {
  if (expiresMs === undefined || expiresMs - nowMs > WARN_BEFORE_MS) return undefined;
  return expiresMs < nowMs
    ? `the credential has ended on ${iso(expiresMs)}; make a new one`
    : `the credential ends in ${age(expiresMs - nowMs)}, on ${iso(expiresMs)}; make a new one before`;
}

/** What a terminal shows while a backup runs. */
export function progressText(store: string, { path, sentObjects, sentBytes }: BackupProgress): string {
  const sent = sentObjects > 0 ? `, ${sentObjects} objects sent (${size(sentBytes)})` : '';
  return `${store}: ${path ?? 'verifying'}${sent}`;
}

/** @param heading the store is named where there are several */
export function listText({ store, label, snapshots }: StoreList, heading: boolean, nowMs: number): string {
  const lines = snapshots.map(({ sequence, createdMs, storedBytes, verified }) => {
    const made = createdMs === null ? 'damaged                 ' : iso(createdMs);
    const old = (createdMs === null ? '' : `${age(nowMs - createdMs)} old`).padStart(12);
    const bytes = (storedBytes === null ? '' : size(storedBytes)).padStart(9);
    return `${String(sequence).padStart(6)}  ${made}${old}  ${bytes}  ${verified ? 'verified when written' : 'not verified here'}\n`;
  });
  return `${heading ? `${store} (${label})\n` : ''}${lines.join('')}`;
}

export function showText({ store, listed, manifest, objects, storedBytes, details }: ShownSnapshot): string {
  const lines = [
    `backup      ${manifest.sequence} in ${store}, ${listed.verified ? 'verified when written' : 'not verified here'}`,
    `made        ${iso(manifest.createdMs)} by the clock of the machine, ${iso(listed.storedMs)} by the store's`,
    `stored      ${objects} objects, ${size(storedBytes)}`,
    `repository  ${manifest.repository}`,
  ];
  if (!details) lines.push('content     name the recovery key with --identity-file to see it');
  else {
    lines.push(`machine     ${details.host}, energy-monitor ${details.agentVersion}`);
    for (const [measurement, n] of Object.entries(details.counts)) lines.push(`readings    ${n} of ${measurement}`);
    for (const { source, reason } of details.missing ?? []) lines.push(`missing     ${source}: ${reason}`);
    for (const { path, bytes } of details.files) lines.push(`file        ${size(bytes).padStart(9)}  ${path}`);
  }
  return `${lines.join('\n')}\n`;
}

export function verifyText({ store, snapshots, objects, read, files, problems }: StoreVerification): string {
  const lines = problems.map((problem) => `${problem}\n`).join('');
  const opened = files > 0 ? `, ${files} files opened` : '';
  const verdict = problems.length === 0 ? 'whole' : `${problems.length} problems`;
  return `${lines}${store}: ${snapshots} backups, ${objects} objects, ${read} read back${opened}: ${verdict}\n`;
}

export function pruneText(
  { store, verdicts, removedSnapshots, removedObjects, removedBytes, left }: StorePrune,
  dryRun: boolean,
): string {
  const lines = verdicts.map(
    ({ snapshot, keep, reasons }) =>
      `${String(snapshot.sequence).padStart(6)}  ${keep ? 'stays' : 'goes '}  ${reasons.join(', ')}\n`,
  );
  const verb = dryRun ? 'would go' : 'gone';
  const note = left === undefined ? '' : `nothing goes: ${left}\n`;
  return `${lines.join('')}${store}: ${removedSnapshots} backups ${verb}, ${removedObjects} objects (${size(removedBytes)})\n${note}`;
}

function age(ms: number): string {
  const hours = ms / 3_600_000;
  return hours < 2
    ? `${Math.max(0, Math.round(ms / 60_000))} min`
    : hours < 48
      ? `${Math.round(hours)} h`
      : `${Math.round(hours / 24)} days`;
}
