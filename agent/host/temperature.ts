import { join } from 'node:path';
import type { Values } from '../readings/reading.ts';
import { namesIn, numberAt, textAt } from '../system/kernel-files.ts';
import { HOST } from './names.ts';

/** Thermal zones of a CPU: the Pi's by its device tree (older kernels bcm2835_thermal), and Intel's package. */
const CPU_ZONES = ['cpu-thermal', 'cpu_thermal', 'bcm2835_thermal', 'x86_pkg_temp'];

/**
 * The CPU's temperature from its thermal zone (sysfs, thousandths of a degree). Other PCs have one driver a vendor, each
 * with names of its own: there `knowsSensors`, systeminformation, is asked, which costs a process.
 */
export async function cpuTemperature(root: string, knowsSensors: () => Promise<number | null>): Promise<Values> {
  const zones = namesIn(join(root, 'sys/class/thermal')).filter((name) => name.startsWith('thermal_zone'));
  for (const type of CPU_ZONES) {
    for (const zone of zones) {
      if (textAt(join(root, `sys/class/thermal/${zone}/type`)) !== type) continue;
      const thousandths = numberAt(join(root, `sys/class/thermal/${zone}/temp`));
      if (thousandths !== undefined) return { [HOST.cpuTemperature]: thousandths / 1000 };
    }
  }
  // Without any sensor, as in a virtual machine, there is nothing to know.
  if (namesIn(join(root, 'sys/class/hwmon')).length === 0) return {};
  const celsius = await knowsSensors();
  return celsius === null || !Number.isFinite(celsius) || celsius <= 0 ? {} : { [HOST.cpuTemperature]: celsius };
}

/** systeminformation looks at this machine's own /sys; loaded only where it is asked (30 ms of CPU). */
export async function temperatureOfSensors(): Promise<number | null> {
  const { cpuTemperature: ask } = await import('systeminformation');
  return (await ask()).main;
}
