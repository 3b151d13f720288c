import { BACKUP } from '../../../agent/backup/record.ts';
import { AGENT } from '../../../agent/collector/agent-names.ts';
import { HOST, UNIT_RESTARTS } from '../../../agent/host/names.ts';
import { toLine } from '../../../agent/influxdb/line-protocol.ts';
import type { Values } from '../../../agent/readings/reading.ts';
import { hashedRandom } from '../../../agent/simulator/random.ts';
import { DAY_MS, HOUR_MS, type Line, MINUTE_MS, STOP_MS } from './world.ts';

const MACHINE_NAME = 'raspberrypi';
export const RESTARTS_FIELD = `${UNIT_RESTARTS.prefix}collect${UNIT_RESTARTS.suffix}`;

/** The machine starts anew: its counters begin at 0. */
export const BOOT_MS = Date.UTC(2026, 3, 1, 4, 30);
/** systemd starts the collector anew. */
export const RESTART_MS = Date.UTC(2026, 3, 3, 9, 12);
const FIRST_BOOT_MS = Date.UTC(2026, 2, 1);
const MEBIBYTE = 2 ** 20;
const STORES = { usb: 1, azure: 3 } as const;
/** The cloud takes none any more. */
export const AZURE_FAILS_FROM_MS = STOP_MS - 30 * HOUR_MS;

/** The collector starts with the machine, and once more. */
const collectorStart = (timeMs: number) =>
  timeMs < BOOT_MS ? FIRST_BOOT_MS : timeMs < RESTART_MS ? BOOT_MS : RESTART_MS;

/** A machine of which all is known, for the last days before the end: a reading a minute, a backup an hour. */
export class MachineWorld {
  readonly #days: number;
  /** By minute, as they were written. */
  readonly minutes = new Map<number, Values>();

  constructor(days: number) {
    this.#days = days;
  }

  *lines(): Generator<Line> {
    const series = { measurement: 'host', meter: MACHINE_NAME, model: 'Raspberry Pi 3 Model B Plus' };
    for (let timeMs = STOP_MS - this.#days * DAY_MS; timeMs < STOP_MS; timeMs += MINUTE_MS) {
      const values = this.#values(timeMs);
      this.minutes.set(timeMs, values);
      yield { bucket: 'host', text: toLine({ series, timeMs, values }) };
      if ((timeMs / MINUTE_MS) % 60 === 7) yield* this.#backups(timeMs);
    }
  }

  #values(timeMs: number): Values {
    const bootMs = timeMs < BOOT_MS ? FIRST_BOOT_MS : BOOT_MS;
    const minute = timeMs / MINUTE_MS;
    const dice = hashedRandom(8, minute);
    return {
      [HOST.cpuLoad]: Math.round(40 + 200 * dice) / 10,
      [HOST.cpuTemperature]: Math.round(480 + 60 * dice) / 10,
      [HOST.underVoltage]: minute % 500 < 3 ? 1 : 0,
      [HOST.frequencyCapped]: 0,
      [HOST.throttled]: 0,
      [HOST.softTemperatureLimit]: 0,
      [HOST.memoryTotal]: 900 * MEBIBYTE,
      [HOST.memoryAvailable]: Math.round((300 + 100 * dice) * MEBIBYTE),
      [HOST.swapUsed]: 0,
      [HOST.collectorMemory]: 80 * MEBIBYTE,
      [HOST.diskTotal]: 30_000 * MEBIBYTE,
      [HOST.diskFree]: 20_000 * MEBIBYTE - Math.round(dice * MEBIBYTE),
      // Half a mebibyte a minute.
      [HOST.diskWritten]: ((timeMs - bootMs) / MINUTE_MS) * (MEBIBYTE / 2),
      [HOST.uptime]: (timeMs - bootMs) / 1000 + 20,
      [AGENT.uptime]: (timeMs - collectorStart(timeMs)) / 1000,
      [AGENT.lag]: minute % 300 < 10 ? 60 * (minute % 300) : 4,
      [AGENT.journal]: 90 * MEBIBYTE + minute,
      // One each two hours, counted from the collector's start.
      [`${AGENT.gaps}timeout`]: Math.floor((timeMs - collectorStart(timeMs)) / (2 * HOUR_MS)),
      [`${AGENT.gaps}crc`]: 0,
      [RESTARTS_FIELD]: timeMs < BOOT_MS ? 2 : timeMs < RESTART_MS ? 0 : 1,
    };
  }

  *#backups(timeMs: number): Generator<Line> {
    for (const [model, size] of Object.entries(STORES)) {
      const ok = model !== 'azure' || timeMs < AZURE_FAILS_FROM_MS;
      const values = {
        [BACKUP.ok]: ok ? 1 : 0,
        [BACKUP.duration]: 4.2,
        ...(ok && { [BACKUP.total]: size * 1e9, [BACKUP.sent]: size * 1e6 }),
      };
      yield {
        bucket: 'host',
        text: toLine({ series: { measurement: 'backup', meter: MACHINE_NAME, model }, timeMs, values }),
      };
    }
  }
}
