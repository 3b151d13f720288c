import { execFile } from 'node:child_process';
import { scrub } from './scrub.ts';

/** What a service can tell (sd_notify(3)). */
export interface ServiceState {
  READY?: '1';
  RELOADING?: '1';
  STOPPING?: '1';
  WATCHDOG?: '1';
  /** One sentence for `systemctl status`. */
  STATUS?: string;
}

const isStep = ({ READY, RELOADING, STOPPING }: ServiceState): boolean => Boolean(READY ?? RELOADING ?? STOPPING);

/** Longer than the 5 s for which systemd-notify waits itself. */
const BOUND_MS = 10_000;
/** systemd drops a message of 4096 bytes and all that is in it, WATCHDOG as well (NOTIFY_BUFFER_MAX). */
const LONGEST_VALUE_BYTES = 3000;

/** One line, without a NUL, which no argument may have, nor a secret: the arguments of a process are for all to see. */
function told(value: string): string {
  const text = scrub(value).replaceAll(/[\s\0]+/g, ' ');
  const bytes = Buffer.from(text);
  if (bytes.length <= LONGEST_VALUE_BYTES) return text;
  // With `stream` a character that is cut in two is left out.
  return `${new TextDecoder().decode(bytes.subarray(0, LONGEST_VALUE_BYTES), { stream: true })} ...`;
}

/**
 * systemd, where it has started this process as Type=notify. Node has no Unix datagram sockets; libsystemd by koffi would cost
 * a collector 6 MB for as long as it runs, and systemd-notify 7 ms each time. The unit needs NotifyAccess=all for it.
 */
export class ServiceManager {
  readonly #socket: string;
  readonly #environment: NodeJS.ProcessEnv;
  /** Within this time it wants to hear WATCHDOG; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
  #waiting: ServiceState[] = [];
  #running: Promise<void> | undefined;

  private constructor(socket: string, environment: NodeJS.ProcessEnv, watchdogMs: number | undefined) {
    this.#socket = socket;
    this.#environment = environment;
    this.watchdogMs = watchdogMs;
  }

  /**
   * From the environment that systemd gives, which is taken out of it: no other program that is started speaks for the service.
   * @returns undefined where nobody listens
   */
  static fromEnvironment(environment: NodeJS.ProcessEnv = process.env): ServiceManager | undefined {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = environment;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
    if (!NOTIFY_SOCKET) return undefined;
    const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    const watchdogMs = isOurs && Number(WATCHDOG_USEC) > 0 ? Number(WATCHDOG_USEC) / 1000 : undefined;
    return new ServiceManager(NOTIFY_SOCKET, environment, watchdogMs);
  }

  /**
   * Tells it, in the order of the calls. While something is under way, the newest sentence replaces the one that waits; steps
   * of the service's life stay apart. Failures are nobody's.
   */
  tell(state: ServiceState): void {
    const last = this.#waiting.at(-1);
    if (last && !(isStep(last) && isStep(state))) Object.assign(last, state);
    else this.#waiting.push({ ...state });
    this.#running ??= this.#run();
  }

  /** Until all of it is told. */
  async told(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // What one turn of the loop has to say goes together.
    await Promise.resolve();
    for (let state = this.#waiting.shift(); state; state = this.#waiting.shift()) await this.#send(state);
    this.#running = undefined;
  }

  #send(state: ServiceState): Promise<void> {
    const assignments = Object.entries(state).map(([name, value]) => `${name}=${told(value)}`);
    const env = { ...this.#environment, NOTIFY_SOCKET: this.#socket };
    return new Promise((resolve) => {
      execFile('systemd-notify', assignments, { env, timeout: BOUND_MS, killSignal: 'SIGKILL' }, () => resolve());
    });
  }
}
