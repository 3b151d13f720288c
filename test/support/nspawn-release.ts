import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';
import { REPOSITORY } from './child.ts';

/** Where the guest sees what was unpacked: not where it is installed to. */
export const DOWNLOADS = '/root/releases';

const run = promisify(execFile);

/** Unpacked releases of this machine's platform, for the tests of one file: the real tarball, and others made of it. */
export class Releases {
  readonly directory = mkdtempSync(join(tmpdir(), 'energy-monitor-releases-'));
  #real: Promise<string> | undefined;

  constructor() {
    afterAll(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** What `npm run release` makes; the first call takes a minute. @returns its name in the directory */
  real(): Promise<string> {
    this.#real ??= this.#make();
    return this.#real;
  }

  /** The same with another version, and one more change. @param changed a file, and what becomes of its text */
  async variant(version: string, changed?: { file: string; text: (text: string) => string }): Promise<string> {
    const real = await this.real();
    const name = `energy-monitor-${version}`;
    const directory = join(this.directory, name);
    // Hard links: what is changed gets a file of its own.
    await run('cp', ['--archive', '--link', join(this.directory, real), directory]);
    const change = (file: string, text: (text: string) => string) => {
      const path = join(directory, file);
      const before = readFileSync(path, 'utf8');
      rmSync(path);
      writeFileSync(path, text(before));
      if (text(before) === before) throw new Error(`${file} has nothing to change`);
    };
    change('package.json', (text) => text.replace(/"version": "[^"]*"/, `"version": "${version}"`));
    if (changed) change(changed.file, changed.text);
    rmSync(join(directory, 'SHA256SUMS'));
    return name;
  }

  async #make(): Promise<string> {
    const output = join(this.directory, 'dist');
    const args = ['systemd/installer/release.sh', '--platform', process.arch, '--output', output];
    await run('sh', args, { cwd: REPOSITORY });
    const [tarball = ''] = readdirSync(output).filter((name) => name.endsWith('.tar.gz'));
    await run('tar', ['--extract', '--file', join(output, tarball), '--directory', this.directory]);
    return tarball.replace('.tar.gz', '');
  }
}
