import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { Decrypter, Encrypter } from 'age-encryption';
import { AgentError, messageOf } from '../system/errors.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const PARAMETERS = { params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 } };

/** What stands between a content and its stored form: zstd, then age (age-encryption.org/v1) for the recipients. */
export interface Envelope {
  /** Without identities: a machine that backs up can seal what it cannot open. */
  readonly opens: boolean;
  seal(content: Uint8Array): Promise<Uint8Array>;
  /** @throws Error when it is damaged, or for others */
  open(sealed: Uint8Array): Promise<Buffer>;
}

/** @param identities `AGE-SECRET-KEY-1...`; none on a Pi that only backs up */
export function ageEnvelope(recipients: readonly string[], identities: readonly string[] = []): Envelope {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    // What the library says of a key holds the key.
    unlessKey(
      () => encrypter.addRecipient(recipient),
      'a recipient of the backups is no key of age',
      'copy it again from what backup keygen printed',
    );
  }
  const decrypter = new Decrypter();
  for (const identity of identities) {
    unlessKey(
      () => decrypter.addIdentity(identity),
      'the recovery key is damaged',
      'copy it again: a character of it is missing or wrong',
    );
  }
  return {
    opens: identities.length > 0,
    seal: async (content) => encrypter.encrypt(await compress(content, PARAMETERS)),
    open: async (sealed) => {
      if (identities.length === 0) {
        throw new AgentError('config', 'the backup is encrypted', {
          hint: 'name the recovery key with --identity-file',
        });
      }
      return decompress(await decrypt(decrypter, sealed));
    },
  };
}

/** Compressed only, by explicit choice. */
export const plainEnvelope: Envelope = {
  opens: true,
  seal: (content) => compress(content, PARAMETERS),
  open: (sealed) => decompress(sealed),
};

async function decrypt(decrypter: Decrypter, sealed: Uint8Array): Promise<Uint8Array> {
  try {
    return await decrypter.decrypt(sealed);
  } catch (error) {
    if (!/no identity matched/.test(messageOf(error))) throw error;
    throw new AgentError('config', 'the recovery key is another than that of the backup', {
      hint: 'name the key of the machine that was backed up',
    });
  }
}

function unlessKey(add: () => void, message: string, hint: string): void {
  try {
    add();
  } catch {
    throw new AgentError('config', message, { hint });
  }
}
