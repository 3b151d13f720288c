import { readTermios, settingsIn, withSettings, writeTermiosDrained } from '../system/termios.ts';
import type { Wire } from './connection.ts';

/** What a driver makes of a rate may differ by its clock's steps; UARTs agree up to about this share. */
const RATE_TOLERANCE = 0.03;

/**
 * Gives an open serial port other settings and leaves all else of it as it is. SerialPort.update knows the rate alone, and
 * opening anew would drop DTR and the lock for a moment.
 * @throws Error when the driver does not take them
 */
export async function setLine(fd: number, wire: Wire): Promise<void> {
  const termios = readTermios(fd);
  if (!termios) throw new Error('the port is gone');
  if (!(await writeTermiosDrained(fd, withSettings(termios, wire)))) throw new Error('the driver refuses');
  const reached = readTermios(fd);
  if (!reached) throw new Error('the port is gone');
  // A driver that cannot do it keeps what it had and says yes. Parity is not compared: some drop that bit and do it.
  const { baudRate, stopBits } = settingsIn(reached);
  if (Math.abs(baudRate / wire.baudRate - 1) > RATE_TOLERANCE || stopBits !== wire.stopBits)
    throw new Error(`it stays at ${baudRate} baud with ${stopBits === 1 ? 'one stop bit' : 'two stop bits'}`);
}
