import { type ChildProcess, fork } from 'node:child_process';
import { basename } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../system/errors.ts';
import type { Logger } from '../../system/logging.ts';
import { asideFiles } from '../set-aside.ts';
import type { SalvageReport } from './process.ts';
import { salvageProgress } from './progress.ts';

/** After a full disk, or a process that was ended. */
const RETRY_MS = 600_000;
const SMALL_HEAP = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=2', '--max-old-space-size=64'];

/** Salvages what was set aside, one file after the other, in a process of its own: nothing it does disturbs the collector. */
export class BackgroundSalvage {
  readonly #stateDir: string;
  readonly #log: Logger;
  readonly #retryMs: number;
  readonly #onDone: () => void;
  /** The newest that was opened. */
  #db: DatabaseSync | undefined;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #said: string | undefined;
  /** Could not be salvaged the last time: the others come first. */
  readonly #failed = new Set<string>();
  #ended = false;

  /** @param onDone called after each file */
  constructor(stateDir: string, log: Logger, onDone: () => void, retryMs = RETRY_MS) {
    this.#retryMs = retryMs;
    this.#stateDir = stateDir;
    this.#log = log;
    this.#onDone = onDone;
  }

  /** Begins, or goes on, when there is something to salvage and nothing is under way. */
  begin(db: DatabaseSync): void {
    this.#db = db;
    if (this.#child || this.#ended) return;
    clearTimeout(this.#timer);
    try {
      const files = asideFiles(this.#stateDir).map(({ path }) => path);
      const left = files.filter((file) => salvageProgress(db, file)?.finishedMs === undefined);
      // The newest first: its readings are those that somebody looks for.
      const path = left.findLast((file) => !this.#failed.has(file)) ?? left.at(-1);
      if (path === undefined) return;
      if (this.#failed.has(path)) this.#failed.clear();
      this.#start(path);
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'what was set aside cannot be salvaged now');
    }
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#child?.kill();
  }

  #start(path: string): void {
    const script = fileURLToPath(new URL('./process.ts', import.meta.url));
    const child = fork(script, [this.#stateDir, path], {
      execArgv: SMALL_HEAP,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    let isDone = false;
    child.on('message', (report: SalvageReport) => {
      isDone = report.kind === 'done';
      this.#tell(path, report);
      if (isDone) this.#onDone();
    });
    child.on('error', (error) => this.#tell(path, { kind: 'failed', message: messageOf(error), hint: undefined }));
    child.on('exit', () => {
      this.#child = undefined;
      if (this.#ended || !this.#db) return;
      const db = this.#db;
      if (!isDone) this.#failed.add(path);
      if (isDone) this.begin(db);
      else this.#timer = setTimeout(() => this.begin(this.#db ?? db), this.#retryMs);
    });
    child.unref();
    child.channel?.unref();
  }

  #tell(path: string, report: SalvageReport): void {
    const name = basename(path);
    if (report.kind === 'failed') {
      if (report.message !== this.#said) this.#log.warn({ hint: report.hint }, `salvage of ${name}: ${report.message}`);
      this.#said = report.message;
      return;
    }
    const { readings, gaps, lostPages, lostRows, unknown } = report;
    this.#log.info(
      { readings, gaps, lostPages, lostRows: lostRows + unknown },
      `${name} is salvaged; what is missing may be in a backup (restore --merge); the file can be removed`,
    );
  }
}
