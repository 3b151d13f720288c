import { readFileSync } from 'node:fs';

const CLOCK_TICKS_PER_SECOND = 100;

const number = (pid: number | undefined, file: string, pattern: RegExp) =>
  Number(pattern.exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? Number.NaN);

/** Resident memory of a process, MiB (proc(5), VmRSS). */
export const rssMB = (pid: number | undefined) => number(pid, 'status', /VmRSS:\s+(\d+)/) / 1024;

/** The most it ever was (VmHWM). */
export const peakRssMB = (pid: number | undefined) => number(pid, 'status', /VmHWM:\s+(\d+)/) / 1024;

/** Bytes that a process made the kernel send to storage (proc(5), /proc/pid/io). */
export const writtenBytes = (pid: number | undefined) => number(pid, 'io', /^write_bytes: (\d+)/m);

/** User and system time of a process, its threads included. */
export function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

/** CPU time that the machine's host gave to others, and all of it, in ticks (proc(5), /proc/stat). */
export function machineTicks(): { stolen: number; all: number } {
  const ticks = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').map(Number);
  return { stolen: ticks[7] ?? 0, all: ticks.slice(0, 8).reduce((sum, n) => sum + n, 0) };
}
