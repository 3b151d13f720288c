/** Rates that meters are set to. */
export const BAUD_RATES = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200] as const;

const DURATION_UNITS_MS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};
const SIZE_UNITS_BYTES: Record<string, number> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

function parseScalar(text: string, units: Record<string, number>): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : units[match[2]];
  return match && factor !== undefined ? Number(match[1]) * factor : undefined;
}

/** Whole milliseconds of a duration such as `250ms`, `1s`, `5m`, `2h`, `30d`, `1y`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const ms = parseScalar(text, DURATION_UNITS_MS);
  return ms === undefined ? undefined : Math.round(ms);
}

/** Bytes of a size such as `500MB` (10^6) or `512MiB` (2^20); undefined when it is none. */
export function parseSize(text: string): number | undefined {
  return parseScalar(text, SIZE_UNITS_BYTES);
}

/** `host:port`, `[v6]:port` or `host`, with a port of its own or the default. */
export function parseAddress(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  return host && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

/** What to write for a server; secrets have places of their own, because a URL stands in every message. */
export const SERVER_URL_HINT =
  'write http:// or https:// with host and port and nothing behind, such as http://localhost:8086';

/** A server's URL without slashes at its end; undefined when it is none, or has credentials, a query or a fragment. */
export function parseServerUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === ''
    ? text.trim().replace(/\/+$/, '')
    : undefined;
}
