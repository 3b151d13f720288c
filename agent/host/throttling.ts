import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { namesIn, numberAt, textAt } from '../system/kernel-files.ts';
import { HOST } from './names.ts';

const VCGENCMD_PLACES = ['usr/bin/vcgencmd', 'opt/vc/bin/vcgencmd'];
/** The firmware's node is named after its address in the device tree, which differs on a Pi 5: the driver knows it. */
const FIRMWARE_DRIVER = 'sys/bus/platform/drivers/raspberrypi-firmware';
const FIRMWARE_NODE = 'sys/devices/platform/soc/soc:firmware';
const PATIENCE_MS = 2000;

/** Bits of the firmware's answer (Raspberry Pi documentation, `vcgencmd get_throttled`). */
const NOW: Readonly<Record<string, number>> = {
  [HOST.underVoltage]: 0,
  [HOST.frequencyCapped]: 1,
  [HOST.throttled]: 2,
  [HOST.softTemperatureLimit]: 3,
};
const SINCE_BOOT: Readonly<Record<string, number>> = {
  under_voltage_has_occurred: 16,
  frequency_capped_has_occurred: 17,
  throttled_has_occurred: 18,
  soft_temperature_limit_has_occurred: 19,
};

/** The firmware's hexadecimal word, with or without 0x; undefined when it is none. */
function bitsOf(word: string | undefined): number | undefined {
  const digits = /^(?:throttled=)?(?:0x)?([0-9a-f]{1,8})\s*$/i.exec(word ?? '')?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

const flags = (bits: number, names: Readonly<Record<string, number>>): Values =>
  Object.fromEntries(Object.entries(names).map(([name, bit]) => [name, (bits >>> bit) & 1]));

/** All flags, as 0 or 1, of what vcgencmd says; nothing when it says something else. */
export function vcgencmdFlags(answer: string | undefined): Values {
  const bits = bitsOf(answer);
  return bits === undefined ? {} : flags(bits, { ...NOW, ...SINCE_BOOT });
}

/**
 * The flags of now, of the firmware's file. The kernel's hwmon driver clears the other half of the bits each 2 s
 * (drivers/hwmon/raspberrypi-hwmon.c): there they do not mean since boot, and undervoltage is either of its two.
 */
export function firmwareFlags(text: string | undefined): Values {
  const bits = bitsOf(text);
  return bits === undefined ? {} : flags(bits | ((bits >>> 16) & 1), NOW);
}

/**
 * Throttling and undervoltage of a Raspberry Pi, from the best teller that is there:
 * - vcgencmd (needs group video): all flags; has_occurred means since boot.
 * - the firmware's file: the flags of now, at most 2 s old. Reading it puts a warning into the kernel log once a boot
 *   (drivers/firmware/raspberrypi.c), hence not the first.
 * - hwmon `rpi_volt`: undervoltage within the last 2 s only.
 */
export function throttling(root: string): Values {
  for (const ask of [() => vcgencmdFlags(askVcgencmd(root)), () => firmwareFlags(firmwareFile(root))]) {
    const values = ask();
    if (values[HOST.underVoltage] !== undefined) return values;
  }
  for (const name of namesIn(join(root, 'sys/class/hwmon'))) {
    if (textAt(join(root, `sys/class/hwmon/${name}/name`)) !== 'rpi_volt') continue;
    const alarm = numberAt(join(root, `sys/class/hwmon/${name}/in0_lcrit_alarm`));
    if (alarm === 0 || alarm === 1) return { [HOST.underVoltage]: alarm };
  }
  return {};
}

function firmwareFile(root: string): string | undefined {
  const nodes = namesIn(join(root, FIRMWARE_DRIVER)).map((name) => `${FIRMWARE_DRIVER}/${name}`);
  for (const node of [...nodes, FIRMWARE_NODE]) {
    const text = textAt(join(root, `${node}/get_throttled`));
    if (text !== undefined) return text;
  }
  return undefined;
}

function askVcgencmd(root: string): string | undefined {
  const program = VCGENCMD_PLACES.map((place) => join(root, place)).find((path) => existsSync(path));
  if (program === undefined) return undefined;
  const { status, stdout } = spawnSync(program, ['get_throttled'], { encoding: 'utf8', timeout: PATIENCE_MS });
  return status === 0 ? stdout : undefined;
}
