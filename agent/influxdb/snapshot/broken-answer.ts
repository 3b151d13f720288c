/** An answer that is cut off or damaged on its way: another request may bring a whole one. */
export class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer';
}

const SAID = /\{"code":"[^"]*","message":"((?:[^"\\]|\\.){1,300})"\}/;

/**
 * What the server says of its failure where other bytes were due. After the first byte InfluxDB can only write its
 * error into the body, below a 200.
 */
export function saidInstead(bytes: Uint8Array): string {
  const said = SAID.exec(Buffer.from(bytes.subarray(0, 1024)).toString('latin1'))?.[1];
  return said === undefined ? '' : `; the server says: ${said.replace(/[^ -~]/g, '?')}`;
}
