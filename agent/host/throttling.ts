import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { namesIn, readNumber, readText } from './files.ts';

const VCGENCMD_PLACES = ['usr/bin/vcgencmd', 'opt/vc/bin/vcgencmd'];
const FIRMWARE_FILE = 'sys/devices/platform/soc/soc:firmware/get_throttled';
const PATIENCE_MS = 2000;

/** Bits of the firmware's answer (Raspberry Pi documentation, `vcgencmd get_throttled`). */
const BITS: Readonly<Record<string, number>> = {
  under_voltage: 0,
  frequency_capped: 1,
  throttled: 2,
  soft_temperature_limit: 3,
  under_voltage_has_occurred: 16,
  frequency_capped_has_occurred: 17,
  throttled_has_occurred: 18,
  soft_temperature_limit_has_occurred: 19,
};

/** Flags as 0 or 1, from the firmware's hexadecimal word, with or without 0x; nothing when it is none. */
export function throttlingFlags(word: string | undefined): Values {
  const digits = /^(?:throttled=)?(?:0x)?([0-9a-f]{1,8})\s*$/i.exec(word ?? '')?.[1];
  if (digits === undefined) return {};
  const bits = Number.parseInt(digits, 16);
  return Object.fromEntries(Object.entries(BITS).map(([name, bit]) => [name, (bits >>> bit) & 1]));
}

/**
 * Throttling and undervoltage of a Raspberry Pi, from the best teller that is there:
 * - vcgencmd (needs group video): all flags; has_occurred means since boot.
 * - the firmware's file: all flags, at most 2 s old. The kernel's hwmon driver clears has_occurred at each of its looks, each
 *   2 s. Reading it puts a warning into the kernel log once a boot (drivers/firmware/raspberrypi.c), hence not the first.
 * - hwmon `rpi_volt`: undervoltage within the last 2 s only.
 */
export function throttling(root: string): Values {
  for (const word of [() => askVcgencmd(root), () => readText(root, FIRMWARE_FILE)]) {
    const flags = throttlingFlags(word());
    if (flags.under_voltage !== undefined) return flags;
  }
  for (const name of namesIn(root, 'sys/class/hwmon')) {
    if (readText(root, `sys/class/hwmon/${name}/name`)?.trim() !== 'rpi_volt') continue;
    const alarm = readNumber(root, `sys/class/hwmon/${name}/in0_lcrit_alarm`);
    if (alarm === 0 || alarm === 1) return { under_voltage: alarm };
  }
  return {};
}

function askVcgencmd(root: string): string | undefined {
  const program = VCGENCMD_PLACES.map((place) => join(root, place)).find((path) => existsSync(path));
  if (program === undefined) return undefined;
  const { status, stdout } = spawnSync(program, ['get_throttled'], { encoding: 'utf8', timeout: PATIENCE_MS });
  return status === 0 ? stdout : undefined;
}
