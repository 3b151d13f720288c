import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { matches } from './password.ts';
import { Problem } from './problem.ts';
import { Tries } from './tries.ts';

const COOKIE = 'energy_monitor';
const SESSION_MS = 30 * 86_400_000;
/** Programs send the same header with each request; a hash for each would be all that a Pi does. */
const MOST_REMEMBERED = 16;

/** Who may see what: with a password of the configuration whoever has it, else everybody whom the address is open to. */
export class Access {
  readonly #hash: string | undefined;
  readonly #key: Buffer;
  readonly #isSecure: boolean;
  readonly #tries: Tries;
  readonly #remembered = new Set<string>();
  readonly #nowMs: () => number;

  /** @param passwordHash undefined: there is no password */
  constructor(passwordHash: string | undefined, { isSecure = false, nowMs = Date.now } = {}) {
    this.#hash = passwordHash;
    // Sessions outlive a restart, and end with the password.
    this.#key = createHmac('sha256', passwordHash ?? '')
      .update('session')
      .digest();
    this.#isSecure = isSecure;
    this.#nowMs = nowMs;
    this.#tries = new Tries(nowMs);
  }

  get isRestricted(): boolean {
    return this.#hash !== undefined;
  }

  /** By the cookie of a browser, or `Authorization: Basic` with any name. @throws Problem 429 after too many wrong passwords */
  admits(request: IncomingMessage): boolean {
    if (this.#hash === undefined) return true;
    if (this.#isSession(cookieOf(request))) return true;
    const basic = /^Basic ([A-Za-z0-9+/=]{1,2000})$/.exec(request.headers.authorization ?? '')?.[1];
    if (basic === undefined) return false;
    const mark = createHash('sha256').update(basic).digest('base64');
    if (this.#remembered.has(mark)) return true;
    const given = Buffer.from(basic, 'base64').toString();
    if (!this.#isRight(given.slice(given.indexOf(':') + 1), request)) return false;
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.add(mark);
    return true;
  }

  /** @returns the `Set-Cookie` of a new session. @throws Problem 401 for a wrong password, 429 after too many */
  begin(password: string, request: IncomingMessage): string {
    if (this.#hash === undefined) throw new Problem(404, 'Not Found', 'this page has no password');
    if (!this.#isRight(password, request))
      throw new Problem(401, 'Unauthorized', 'this is not the password; try again');
    const end = String(this.#nowMs() + SESSION_MS);
    return this.#cookie(`${end}.${this.#sign(end)}`, SESSION_MS / 1000);
  }

  /** The `Set-Cookie` that ends a session. */
  end(): string {
    return this.#cookie('', 0);
  }

  #isRight(password: string, request: IncomingMessage): boolean {
    const from = request.socket.remoteAddress ?? '';
    this.#tries.require(from);
    const isRight = matches(password, this.#hash ?? '');
    if (!isRight) this.#tries.failed(from);
    return isRight;
  }

  #isSession(value: string | undefined): boolean {
    const [, end = '', signature = ''] = /^(\d{13,14})\.([\w-]{43})$/.exec(value ?? '') ?? [];
    if (end === '' || Number(end) < this.#nowMs()) return false;
    return timingSafeEqual(Buffer.from(this.#sign(end)), Buffer.from(signature));
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }

  #cookie(value: string, maxAgeS: number): string {
    const secure = this.#isSecure ? '; Secure' : '';
    return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeS}${secure}`;
  }
}

function cookieOf({ headers }: IncomingMessage): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}
