import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { joinCgroup, leaveCgroup } from './nspawn-cgroup.ts';
import { rootfs, type Suite } from './nspawn-rootfs.ts';

export interface Output {
  code: number;
  out: string;
  err: string;
}

/** A directory or a device of this machine, as the guest sees it. */
export interface Bind {
  from: string;
  to: string;
  writable?: boolean;
}

/** How long a machine may take to be up, or down: far more than the second it takes. */
const BOOT_MS = 60_000;
const HALT_MS = 60_000;
const COMMAND_MS = 300_000;
const LOOK_MS = 100;

/** What a login of root has. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  TERM: 'dumb',
};

/**
 * Mounts and processes are in namespaces of their own and go with them, whatever ends this test: the guest of a killed nspawn
 * would live on. /run/systemd/nspawn is where nspawn puts mounts that come later.
 */
const NAMESPACES = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child=KILL'];
const SCRIPT = `
set -eu
lower=$1 home=$2; shift 2
mount --make-rprivate /
mount -t proc proc /proc
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$home/upper,workdir=$home/work" "$home/merged"
exec systemd-nspawn -q -b -D "$home/merged" "$@"
`;

/**
 * A Debian with a real systemd (systemd-nspawn), without a network. What it writes lies above a root file system that all
 * share. It needs root, and what requireNspawn looks for.
 */
export class Guest {
  readonly suite: Suite;
  readonly name = `em-test-${randomBytes(4).toString('hex')}`;
  readonly #lower: string;
  readonly #home: string;
  readonly #binds: Bind[] = [];
  #child: ChildProcess | undefined;
  #leader = 0;

  private constructor(suite: Suite, lower: string) {
    this.suite = suite;
    this.#lower = lower;
    this.#home = mkdtempSync(join(tmpdir(), 'energy-monitor-guest-'));
    for (const name of ['upper', 'work', 'merged']) mkdirSync(join(this.#home, name));
    // With one it is no first boot, which would enable each unit that is there.
    this.write('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`, 0o444);
  }

  /** A machine that is switched off. Whoever makes it removes it. */
  static async make(suite: Suite): Promise<Guest> {
    return new Guest(suite, await rootfs(suite));
  }

  /** Seen from the next boot on. */
  bind(...binds: Bind[]): void {
    this.#binds.push(...binds);
  }

  unbind(to: string): void {
    this.#binds.splice(0, Infinity, ...this.#binds.filter((bind) => bind.to !== to));
  }

  /** What was written since it was made lies here. */
  get upper(): string {
    return join(this.#home, 'upper');
  }

  /** Where this test finds a file of the guest: all of them while it runs, else what was written. */
  path(inside: string): string {
    return this.#leader > 0 ? `/proc/${this.#leader}/root${inside}` : join(this.upper, inside);
  }

  write(inside: string, text: string, mode = 0o644): void {
    const path = this.path(inside);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
  }

  /** Its process on this machine, as /proc has it; of a pid inside. */
  outsidePid(inside: number): number {
    const status = (pid: number) => readFileSync(`/proc/${pid}/status`, 'utf8');
    for (const pid of descendants(this.#leader)) {
      if (Number(/^NSpid:.*\s(\d+)$/m.exec(status(pid))?.[1]) === inside) return pid;
    }
    throw new Error(`${this.name} has no process ${inside}`);
  }

  /** Switches it on, and waits until systemd has started what it has to. @returns `running`, or `degraded` */
  async boot(): Promise<string> {
    await this.switchOn();
    const deadlineMs = Date.now() + BOOT_MS;
    for (;;) {
      const { out } = await this.run('systemctl', 'is-system-running', '--wait');
      if (/^(running|degraded)$/.test(out.trim())) return out.trim();
      if (Date.now() > deadlineMs) throw new Error(`${this.name} is ${out.trim()}:\n${this.console()}`);
      await sleep(LOOK_MS);
    }
  }

  /** Switches it on, and waits for its first process alone. */
  async switchOn(): Promise<void> {
    const cgroup = joinCgroup(this.name);
    const options = [
      ...['--machine', this.name, '--register=no', '--private-network', '--system-call-filter=bpf'],
      ...['--console=read-only', '--link-journal=no', '--resolv-conf=off', '--timezone=off', ...cgroup.options],
      ...this.#binds.map(({ from, to, writable }) => `--bind${writable ? '' : '-ro'}=${from}:${to}`),
    ];
    const log = openSync(join(this.#home, 'console.log'), 'a');
    const script = `${cgroup.script}${SCRIPT}`;
    const child = spawn('setpriv', [...NAMESPACES, 'sh', '-c', script, 'sh', this.#lower, this.#home, ...options], {
      stdio: ['ignore', log, log],
      env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' },
    });
    closeSync(log);
    this.#child = child;
    const deadlineMs = Date.now() + BOOT_MS;
    for (;;) {
      this.#leader = leaderOf(child.pid ?? 0);
      if (this.#leader > 0) return;
      if (child.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`${this.name} does not boot:\n${this.console()}`);
      }
      await sleep(10);
    }
  }

  /** Runs a program as root. */
  run(...command: string[]): Promise<Output> {
    const variables = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
    const args = ['-t', String(this.#leader), '-a', 'env', '-i', ...variables, ...command];
    return new Promise((resolve) => {
      execFile('nsenter', args, { timeout: COMMAND_MS, maxBuffer: 256 * 2 ** 20 }, (error, out, err) => {
        resolve({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, out, err });
      });
    });
  }

  /** Runs a script of the shell as root. */
  sh(script: string): Promise<Output> {
    return this.run('sh', '-c', script);
  }

  /** What a program that has to succeed has printed. */
  async out(...command: string[]): Promise<string> {
    const { code, out, err } = await this.run(...command);
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${err}${out}`);
    return out;
  }

  /** Switches it off as a person does, and waits. */
  async halt(): Promise<void> {
    await this.run('systemctl', 'poweroff', '--no-block');
    await this.#ended(HALT_MS);
  }

  async reboot(): Promise<string> {
    await this.halt();
    return this.boot();
  }

  /** All that was printed to its console so far. */
  console(): string {
    return readFileSync(join(this.#home, 'console.log'), 'utf8');
  }

  /** Ends it as if the plug was pulled; its disk stays. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended(HALT_MS);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }

  async #ended(timeoutMs: number): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const deadlineMs = Date.now() + timeoutMs;
    while (child.exitCode === null && child.signalCode === null) {
      if (Date.now() > deadlineMs) child.kill('SIGKILL');
      await sleep(10);
    }
    this.#child = undefined;
    this.#leader = 0;
    await leaveCgroup(this.name);
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

const descendants = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(descendants)];

/** The guest's process 1, once it is systemd: a child of nspawn, which is process 1 of its own. @returns 0 before */
function leaderOf(unshare: number): number {
  return childrenOf(unshare).flatMap(childrenOf).find(isSystemd) ?? 0;
}

function isSystemd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd';
  } catch {
    return false;
  }
}
