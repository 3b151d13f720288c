import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError, messageOf } from '../system/errors.ts';

interface Holder {
  pid: number;
  /** Without the program's arguments, which can be secret. */
  program: string;
  isCollector: boolean;
}

/**
 * Who has a port open, as far as this user may see: processes of others only root can look into.
 * @param proc where the kernel tells of processes
 */
export function holdersOf(port: string, proc = '/proc'): Holder[] {
  const device = pathOf(port);
  const pids = readdirSync(proc).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter((pid) => hasOpen(join(proc, pid, 'fd'), device)).map((pid) => described(proc, pid));
}

/** A port that is held by another program: said with its holder, and with what to do. Any other error stays as it is. */
export function withHolder(port: string, error: unknown): unknown {
  if (!(error instanceof AgentError) || !/is held by another program/.test(error.message)) return error;
  const holders = seen(() => holdersOf(port)) ?? [];
  const holder = holders.find(({ isCollector }) => isCollector) ?? holders[0];
  if (!holder) return error;
  const who = holder.isCollector ? 'the collector' : holder.program;
  const hint = holder.isCollector
    ? 'stop it for as long as this takes, and start it again: its readings have a gap meanwhile (sudo systemctl stop energy-monitor)'
    : `end it, or wait for it: process ${holder.pid}`;
  const message = `serial port ${port} is held by ${who}, process ${holder.pid}`;
  return new AgentError('unavailable', message, { retryable: true, hint, cause: error });
}

function hasOpen(directory: string, device: string): boolean {
  const names = seen(() => readdirSync(directory)) ?? [];
  return names.some((name) => seen(() => readlinkSync(join(directory, name))) === device);
}

function described(proc: string, pid: string): Holder {
  const args = (seen(() => readFileSync(join(proc, pid, 'cmdline'), 'utf8')) ?? '').split('\0');
  const isCollector =
    args.some((arg) => /agent\/main\.ts$/.test(arg)) && (args.includes('collect') || args.includes('live'));
  const program = args[0]?.split('/').at(-1) || 'a program';
  return { pid: Number(pid), program, isCollector };
}

const pathOf = (port: string): string => seen(() => realpathSync(port)) ?? port;

/** Processes end while they are looked at, and those of others cannot be looked at. */
function seen<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (/^E[A-Z]+/.test(messageOf(error))) return undefined;
    throw error;
  }
}
