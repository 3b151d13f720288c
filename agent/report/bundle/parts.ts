import { readdirSync, readFileSync, statSync } from 'node:fs';
import { arch, release, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { withoutSecrets } from '../../config/redacted.ts';
import { machineModel } from '../../host/machine.ts';
import { journalStats, statsText } from '../../journal/stats.ts';
import { AgentError, messageOf } from '../../system/errors.ts';
import { textAt } from '../../system/kernel-files.ts';
import type { Facts } from '../facts.ts';
import type { Problem } from '../rule.ts';
import { statusText } from '../text.ts';
import { UNIT_NAMES } from '../units.ts';
import { printed } from './programs.ts';
import { serialDevices } from './serial-devices.ts';

const LOG_LINES = 500;
/** A target and timers say nothing that their services do not. */
const LOGGED = [...UNIT_NAMES.filter((name) => name.endsWith('.service')), 'energy-monitor-alert@*.service'];
/** What the kernel says of adapters, cards and power. */
const KERNEL_WORDS = /usb|tty|mmc|under-?voltage|voltage normalised|thermal|i\/o error|ext4|out of memory|oom/i;
const LARGEST_ADDED_BYTES = 4e6;

/** A file of the bundle, before it is redacted. */
export interface Part {
  name: string;
  /** Undefined where this machine has nothing of it. @throws what the list then tells */
  text: () => string | undefined;
}

export interface PartsOptions {
  version: string;
  /** What `status` shows; or why it shows nothing. */
  status: { facts: Facts; problems: readonly Problem[] } | AgentError;
  /** Undefined where only a state directory was named. */
  configFile: string | undefined;
  /** Why the configuration is not taken: it may have a secret in a place where none is looked for. */
  configProblem: string | undefined;
  stateDir: string | undefined;
  /** Files that the person adds. */
  added: readonly string[];
  root: string;
}

/** What a bundle is made of. */
export function partsOf(options: PartsOptions): Part[] {
  const { status, stateDir, added, root } = options;
  const known = <T>(read: (facts: Facts, problems: readonly Problem[]) => T): T => {
    if (status instanceof AgentError) throw status;
    return read(status.facts, status.problems);
  };
  return [
    { name: 'machine.txt', text: () => machineText(options) },
    { name: 'status.txt', text: () => known(statusText) },
    { name: 'status.json', text: () => known((facts, problems) => json({ ...facts, problems })) },
    { name: 'config.yaml', text: () => configText(options) },
    {
      name: 'journal.txt',
      text: () =>
        stateDir === undefined
          ? undefined
          : statsText(journalStats(stateDir, { maxAgeMs: undefined, maxBytes: undefined })),
    },
    { name: 'state-directory.txt', text: () => (stateDir === undefined ? undefined : listing(stateDir)) },
    { name: 'serial-ports.txt', text: () => serialDevices(root) },
    {
      name: 'disk.txt',
      text: () =>
        printed(root, 'usr/bin/df', ['-h', '-x', 'tmpfs', '-x', 'overlay']) ?? printed(root, 'bin/df', ['-h']),
    },
    { name: 'memory.txt', text: () => textAt(join(root, 'proc/meminfo')) },
    { name: 'units.txt', text: () => unitsText(root) },
    ...LOGGED.map((unit) => ({ name: `logs/${unit.replace('@*', '')}.log`, text: () => logOf(root, unit) })),
    { name: 'logs/kernel.log', text: () => kernelLog(root) },
    ...added.map((file) => ({ name: `added/${basename(file)}`, text: () => addedText(file) })),
  ];
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

function machineText({ version, root }: PartsOptions): string {
  const os = /^PRETTY_NAME="?([^"\n]*)/m.exec(textAt(join(root, 'etc/os-release')) ?? '')?.[1] ?? 'unknown';
  const cores = (textAt(join(root, 'proc/cpuinfo')) ?? '').match(/^processor/gm)?.length ?? 0;
  const { openssl } = process.versions;
  const facts: Record<string, string> = {
    'energy-monitor': version,
    Node: `${process.version} for ${process.platform} ${arch()}, OpenSSL ${openssl}`,
    system: os,
    kernel: release(),
    board: machineModel(root) || 'unknown',
    cores: String(cores),
    memory: `${Math.round(totalmem() / 1e6)} MB`,
    uptime: `${textAt(join(root, 'proc/uptime'))?.split(' ')[0] ?? '?'} s`,
    load: textAt(join(root, 'proc/loadavg')) ?? '?',
    systemd: printed(root, 'usr/bin/systemctl', ['--version'])?.split('\n')[0] ?? 'none',
    releases: releasesIn(join(root, 'opt/energy-monitor/releases')),
    cgroups: textAt(join(root, 'sys/fs/cgroup/cgroup.controllers')) ?? 'unknown',
  };
  return Object.entries(facts)
    .map(([name, value]) => `${name.padEnd(16)}${value}\n`)
    .join('');
}

function releasesIn(directory: string): string {
  try {
    return readdirSync(directory).join(', ');
  } catch {
    return 'none in /opt/energy-monitor';
  }
}

/** Only what the schema accepts: a mistyped key may hold a secret. Comments that speak of one go. */
function configText({ configFile, configProblem }: PartsOptions): string | undefined {
  if (configFile === undefined) return undefined;
  if (configProblem !== undefined) throw new AgentError('config', `it has mistakes, and is left out: ${configProblem}`);
  return withoutSecrets(readFileSync(configFile, 'utf8'));
}

/** Names and sizes, nothing of what is in them. */
function listing(directory: string): string {
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  const lines = entries.map((name) => {
    const stat = statSync(join(directory, name), { throwIfNoEntry: false });
    if (!stat) return `${name} is gone`;
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
    return `${mode} ${String(stat.uid).padStart(6)} ${String(stat.size).padStart(12)} ${stat.mtime.toISOString()} ${name}`;
  });
  return `${lines.join('\n')}\n`;
}

function unitsText(root: string): string | undefined {
  return printed(root, 'usr/bin/systemctl', ['status', '--no-pager', '--full', '--lines=0', '--all', ...UNIT_NAMES]);
}

function logOf(root: string, unit: string): string | undefined {
  const args = ['--no-pager', '--no-hostname', '--output=short-iso', '--quiet', `--lines=${LOG_LINES}`];
  return printed(root, 'usr/bin/journalctl', [...args, `--unit=${unit}`]);
}

function kernelLog(root: string): string | undefined {
  const args = ['--no-pager', '--no-hostname', '--output=short-iso', '--quiet', '--dmesg'];
  const lines = printed(root, 'usr/bin/journalctl', args)
    ?.split('\n')
    .filter((line) => KERNEL_WORDS.test(line));
  return lines === undefined || lines.length === 0 ? undefined : `${lines.slice(-LOG_LINES).join('\n')}\n`;
}

function addedText(file: string): string {
  try {
    if (statSync(file).size > LARGEST_ADDED_BYTES) throw new Error(`it has more than ${LARGEST_ADDED_BYTES / 1e6} MB`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new AgentError('usage', `${file} cannot be added: ${messageOf(error)}`);
  }
}
