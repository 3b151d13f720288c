import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamedSecrets } from '../../config/secrets-in.ts';
import { errnoOf } from '../../system/errors.ts';

/** Where root keeps credentials (config/secrets.ts). */
const KEPT = ['etc/energy-monitor/credentials', 'etc/energy-monitor/backup-credentials'];
/** A shorter one would be found in half of all words. */
const LEAST_LENGTH = 4;
const LARGEST_BYTES = 65_536;

export interface KnownSecrets {
  values: string[];
  /** Files and directories that this user has no right to read. */
  unread: string[];
}

/**
 * All secrets that can be read here: they are looked for in each text, so that none goes out where no pattern knows it.
 * @param root for tests: what stands for /
 */
export function knownSecrets(named: NamedSecrets, root = '/', env: NodeJS.ProcessEnv = process.env): KnownSecrets {
  const unread: string[] = [];
  const seen = <T>(path: string, look: (path: string) => T): T | undefined => {
    try {
      return look(path);
    } catch (error) {
      if (/^(EACCES|EPERM)$/.test(errnoOf(error) ?? '')) unread.push(path);
      return undefined;
    }
  };
  const kept = env.ENERGY_MONITOR_CREDENTIALS?.split(':') ?? KEPT.map((path) => join(root, path));
  const directories = env.CREDENTIALS_DIRECTORY ? [...kept, env.CREDENTIALS_DIRECTORY] : kept;
  const files = [
    ...directories.flatMap((directory) =>
      (seen(directory, (path) => readdirSync(path)) ?? []).map((name) => join(directory, name)),
    ),
    // Without a slash it is a credential, which lies in one of the directories.
    ...named.files.filter((file) => file.includes('/')),
  ];
  const texts = [...new Set(files)].flatMap((file) => seen(file, textOf) ?? []);
  const forms = new Set([...named.values, ...texts].flatMap(partsOf).flatMap(formsOf));
  return { values: [...forms].filter((form) => form.length >= LEAST_LENGTH), unread };
}

const textOf = (file: string): string => readFileSync(file, 'utf8').slice(0, LARGEST_BYTES);

/** The secret as a whole, its lines, and what is secret within a SAS, a connection string, or a user with a password. */
function partsOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  // Comments of a key's file tell its public half.
  const kept = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const within = kept.flatMap((line) => [
    ...[...line.matchAll(/(?:^|[?&;])(?:sig|AccountKey|SharedAccessSignature)=([^&;\s]+)/gi)].map(
      ([, part = '']) => part,
    ),
    ...(/^[^\s:/?=]+:(.+)$/.exec(line)?.slice(1) ?? []),
  ]);
  return [text.trim(), ...kept, ...within];
}

/** As it stands in an address, in JSON, and in a header of HTTP. */
function formsOf(secret: string): string[] {
  const decoded = attempt(() => decodeURIComponent(secret)) ?? secret;
  return [
    secret,
    decoded,
    encodeURIComponent(secret),
    encodeURIComponent(decoded),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ];
}

function attempt(work: () => string): string | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
