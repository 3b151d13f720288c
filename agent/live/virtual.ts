import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AgentError } from '../system/errors.ts';

export interface VirtualOptions {
  linkPath: string;
  memoryPath: string;
  model: string;
  unit?: number;
  seed: number;
  solar: number;
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A virtual meter in a process of its own, so that it competes with its reader no more than a real one. Ends with us. */
export async function startVirtualMeter(options: VirtualOptions): Promise<{ stop(): Promise<void> }> {
  const { linkPath, memoryPath, model, unit, seed, solar } = options;
  const args = ['simulate', '--link', linkPath, '--memory', memoryPath, '--model', model];
  args.push('--seed', String(seed), '--solar', String(solar));
  if (unit !== undefined) args.push('--unit', String(unit));
  const child = fork(MAIN, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => {
      const reason = complaint.trim().replace(/^energy-monitor: /, '') || `it ended with ${code}`;
      reject(new AgentError('unavailable', `the virtual meter did not start: ${reason}`));
    });
  });
  return { stop: () => stop(child) };
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.disconnect();
  });
}
