/**
 * From here on neither a terminal that is lost nor a reader that has gone ends the process: what it has begun on a device is
 * finished, and its exit code tells of it. Other signals go on as before.
 */
export function carryOn(): void {
  process.on('SIGHUP', () => {});
  process.stdout.removeAllListeners('error').on('error', () => {});
}
