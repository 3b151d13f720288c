import { isIPv4, isIPv6 } from 'node:net';
import { SECRET_KEYS, scrub } from '../../system/scrub.ts';

/** Values of keys that name a secret, in JSON, YAML, shells and sentences; of `tokenFile` only the path is told. */
const KEYED = new RegExp(
  `(["']?[\\w-]*(?:${SECRET_KEYS.join('|')})(?!\\w*File)[\\w-]*["']?\\s*[:=]\\s*)("(?:[^"\\\\]|\\\\.)*"|'[^']*'|(?:(?:Bearer|Basic|Token)\\s+)?[^\\s,;&}\\]]+)`,
  'gi',
);
/** A password in a query (InfluxDB 1), and what looks like a token of InfluxDB or a key of Azure: 64 bytes in base64. */
const IN_QUERY = /([?&](?:p|password|token)=)[^&\s"']+/gi;
const LONG_BASE64 = /[A-Za-z0-9+/_-]{86}(?:==|%3D%3D)/g;
const HOME = /(\/(?:home|media|run\/media)\/)[^/\s"':,]+/g;
const MAC = /(?<![\w:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![\w:])/gi;
const IPV4 = /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)/g;
const IPV6 = /(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])/gi;
/** This machine talking to itself, and no address at all. */
const NOBODY = /^(?:127\.|0\.0\.0\.0$|255\.|::1?$)/;
/** Names that are in texts for other reasons, and tell nothing of anybody. */
const COMMON_NAMES = /^(?:.{0,2}|localhost|raspberrypi|energy-monitor|debian|linux)$/i;

export interface RedactorOptions {
  /** Values that may stand nowhere, whatever is around them. */
  secrets: readonly string[];
  hostName: string;
}

/**
 * Takes out of texts what a stranger must not see: secrets first, then who and where somebody is. An address gets the same
 * number in each text, so that one can still be followed.
 */
export class Redactor {
  readonly #secrets: readonly string[];
  readonly #host: RegExp | undefined;
  readonly #addresses = new Map<string, string>();

  constructor({ secrets, hostName }: RedactorOptions) {
    // A secret can be a part of another one.
    this.#secrets = [...secrets].sort((one, other) => other.length - one.length);
    const name = hostName.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    this.#host = COMMON_NAMES.test(hostName) ? undefined : new RegExp(`(?<![\\w-])${name}(?![\\w-])`, 'gi');
  }

  text(text: string): string {
    let result = text;
    for (const secret of this.#secrets) result = result.replaceAll(secret, '***');
    result = scrub(result)
      .replace(
        KEYED,
        (_all, key: string, value: string) => `${key}${/^["']/.test(value) ? `${value[0]}***${value[0]}` : '***'}`,
      )
      .replace(IN_QUERY, '$1***')
      .replace(LONG_BASE64, '***')
      .replace(HOME, '$1USER')
      .replace(MAC, 'MAC')
      .replace(IPV4, (found) => (isIPv4(found) ? this.#address(found) : found))
      .replace(IPV6, (found) => (isIPv6(found) ? this.#address(found) : found));
    return this.#host ? result.replace(this.#host, 'HOST') : result;
  }

  #address(found: string): string {
    if (NOBODY.test(found)) return found;
    const known = this.#addresses.get(found) ?? `ADDRESS-${this.#addresses.size + 1}`;
    this.#addresses.set(found, known);
    return known;
  }
}
