import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { type Answer, etagOf } from './answer.ts';

const PAGE = join(import.meta.dirname, '..', 'page');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};
/** What the browser draws charts with, as its package brings it. */
const UPLOT = ['uPlot.iife.min.js', 'uPlot.min.css'];
const QUALITY = 9;

type Coding = 'br' | 'gzip' | 'identity';

interface Asset {
  content: Buffer;
  etag: string;
  type: string;
  coded: Partial<Record<Coding, Buffer>>;
}

/** The page's files. A path is looked up among them, never on the disk. */
export class Assets {
  readonly #files = new Map<string, Asset>();

  constructor(directory = PAGE) {
    const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
      if (extname(name) in TYPES && name !== 'tsconfig.json') this.#add(`/${name}`, join(directory, name));
    }
    for (const name of UPLOT) this.#add(`/vendor/${name}`, join(uplot, 'dist', name));
  }

  #add(path: string, file: string): void {
    const content = readFileSync(file);
    this.#files.set(path, { content, etag: etagOf(content), type: TYPES[extname(file)] ?? '', coded: {} });
  }

  /** Of all files. */
  paths(): string[] {
    return [...this.#files.keys()];
  }

  /** @param accepted `Accept-Encoding` of the request. @returns undefined where there is none of that path */
  find(path: string, accepted: string): Answer | undefined {
    const asset = this.#files.get(path);
    if (!asset) return undefined;
    const coding: Coding = /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : 'identity';
    asset.coded[coding] ??= coded(asset.content, coding);
    const headers: Record<string, string> = {
      'content-type': asset.type,
      'cache-control': 'no-cache',
      // A tag is of one representation (RFC 9110, 8.8.3).
      etag: coding === 'identity' ? asset.etag : asset.etag.replace(/"$/, `-${coding}"`),
      vary: 'accept-encoding',
    };
    if (coding !== 'identity') headers['content-encoding'] = coding;
    return { status: 200, headers, body: asset.coded[coding] };
  }
}

/** In this thread alone: libuv's threads also serve the serial port. */
function coded(content: Buffer, coding: Coding): Buffer {
  if (coding === 'br') {
    return brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } });
  }
  return coding === 'gzip' ? gzipSync(content, { level: QUALITY }) : content;
}
