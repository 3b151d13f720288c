/** One column of a record. Integers beyond 2^53 are none of ours, and come as NaN. */
export type Column = null | number | string | Uint8Array;

/** A variable-length integer of SQLite's file format; NaN beyond 2^53 or the end of the bytes. */
export function readVarint(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return { value: Number.NaN, next: at + i };
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value: Number.isSafeInteger(value) ? value : Number.NaN, next: at + i + 1 };
  }
  return { value: Number.NaN, next: at + 9 };
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8];

/**
 * The columns of a record (sqlite.org/fileformat2.html, "Record Format").
 * @returns undefined for bytes that are none
 */
export function decodeRecord(payload: Buffer): Column[] | undefined {
  const { value: headerBytes, next } = readVarint(payload, 0);
  if (!(headerBytes >= next && headerBytes <= payload.length)) return undefined;
  const columns: Column[] = [];
  let at = headerBytes;
  for (let type = next; type < headerBytes; ) {
    const { value: serial, next: after } = readVarint(payload, type);
    const column = decodeColumn(payload, at, serial);
    if (!column || after > headerBytes) return undefined;
    columns.push(column.value);
    at = column.next;
    type = after;
  }
  return at === payload.length ? columns : undefined;
}

function decodeColumn(payload: Buffer, at: number, serial: number): { value: Column; next: number } | undefined {
  if (Number.isNaN(serial) || serial === 10 || serial === 11) return undefined;
  if (serial === 0) return { value: null, next: at };
  if (serial === 8 || serial === 9) return { value: serial - 8, next: at };
  const bytes = serial >= 12 ? Math.floor((serial - 12) / 2) : serial === 7 ? 8 : (INTEGER_BYTES[serial] ?? 0);
  const next = at + bytes;
  if (next > payload.length) return undefined;
  if (serial === 7) return { value: payload.readDoubleBE(at), next };
  if (serial < 7) return { value: readInteger(payload, at, bytes), next };
  const part = payload.subarray(at, next);
  return { value: serial % 2 === 0 ? part : part.toString(), next };
}

function readInteger(payload: Buffer, at: number, bytes: number): number {
  if (bytes <= 6) return payload.readIntBE(at, bytes);
  const value = Number(payload.readBigInt64BE(at));
  return Number.isSafeInteger(value) ? value : Number.NaN;
}
