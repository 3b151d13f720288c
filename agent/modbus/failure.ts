import { messageOf } from '../system/errors.ts';
import { BusError } from './bus-error.ts';
import type { FramedPort } from './framed-port.ts';
import type { LineStats } from './line-stats.ts';

/** What has failed about a request, counted. @param thrown by modbus-serial, or by the bus itself */
export function classified(thrown: unknown, port: FramedPort, stats: LineStats): BusError {
  if (thrown instanceof BusError) return thrown;
  const raw = port.rawReply();
  const message = messageOf(thrown);
  const details = { raw, cause: thrown };
  if (typeof thrown === 'object' && thrown !== null && 'modbusCode' in thrown) {
    stats.exceptions++;
    return new BusError('exception', message, { ...details, exceptionCode: Number(thrown.modbusCode) });
  }
  if (port.fault === 'truncated') {
    stats.truncated++;
    return new BusError('truncated', 'the reply broke off', details);
  }
  if (port.fault === 'noise') {
    stats.noise++;
    return new BusError('noise', 'what came is no reply', details);
  }
  if (/timed out/i.test(message)) {
    stats.timeouts++;
    return new BusError('timeout', 'no answer in time', details);
  }
  stats.crcErrors++;
  return new BusError('crc', `the reply is damaged: ${message}`, details);
}
