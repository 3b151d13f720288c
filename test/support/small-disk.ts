import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from './child.ts';
import { temporaryDirectory } from './temporary.ts';

const BLOCK_BYTES = 65_536;

/** A small file system in memory, in a namespace of its own, which outlives the programs that use it. */
export class SmallDisk {
  /** Where programs that run on the disk find it. */
  readonly directory: string;
  readonly #pid: number;

  private constructor(directory: string, pid: number) {
    this.directory = directory;
    this.#pid = pid;
  }

  /** Call requireMounts first. It goes when the test ends. */
  static async mount(megabytes: number): Promise<SmallDisk> {
    const directory = temporaryDirectory();
    const script = `mount -t tmpfs -o size=${megabytes}m tmpfs "$0" && echo mounted && exec sleep infinity`;
    const keeper = runProgram('unshare', ['-rm', 'sh', '-c', script, directory]);
    await keeper.printed(/mounted/);
    return new SmallDisk(directory, keeper.process.pid ?? 0);
  }

  /** A command line that runs a program where the disk is seen; the process keeps its pid. */
  command(program: string, args: readonly string[]): [string, string[]] {
    return ['nsenter', ['-t', String(this.#pid), '-U', '-m', '--preserve-credentials', program, ...args]];
  }

  /** Where this test finds what lies on it. */
  outside(name = ''): string {
    return join(`/proc/${this.#pid}/root${this.directory}`, name);
  }

  /** Takes all that is free, to the last block, but so many bytes. */
  fill(leaveBytes = 0): void {
    const path = join(this.outside(), 'ballast');
    writeFileSync(path, '');
    const { bavail, bsize } = statfsSync(this.outside());
    for (let left = bavail * bsize + (leaveBytes > 0 ? -leaveBytes : BLOCK_BYTES); left > 0; left -= BLOCK_BYTES) {
      try {
        writeFileSync(path, Buffer.alloc(BLOCK_BYTES), { flag: 'a' });
      } catch {
        return;
      }
    }
  }

  free(): void {
    rmSync(join(this.outside(), 'ballast'));
  }
}
